import { Migration } from "@mikro-orm/migrations";

/** Names that stand for several Llms, in the namespace of aliases. */
export class Migration20261130050000_routes extends Migration {
  override up(): void {
    this.addSql(`
      create table route (
        id uuid primary key,
        owner_id uuid not null constraint route_owner_fkey references account (id),
        name varchar(63) not null,
        display_name varchar(255) not null,
        description text not null,
        tiers jsonb not null,
        attempt_timeout_ms int not null,
        created_at timestamptz(3) not null,
        updated_at timestamptz(3) not null,
        created_by uuid not null,
        updated_by uuid not null,
        revision int not null default 1
      )`);
    this.addSql("create index route_owner_created_idx on route (owner_id, created_at, id)");
    this.addSql("create index route_created_idx on route (created_at, id)");
    this.addSql(
      `create trigger route_row_change after update or delete on route
        for each row execute function notify_row_change()`,
    );

    this.addSql(
      "alter table alias add column route_id uuid null constraint alias_route_fkey references route (id) on delete cascade",
    );
    this.addSql("alter table alias add constraint alias_of_one check (num_nonnulls(llm_id, route_id) = 1)");
    this.addSql("create unique index alias_route_idx on alias (route_id)");
    this.addSql(`
      create function keep_route_alias() returns trigger language plpgsql as $$
      begin
        delete from alias where route_id = new.id;
        insert into alias (owner_id, name, route_id) values (new.owner_id, new.name, new.id);
        perform pg_notify('row_change', 'alias:' || new.id);
        return null;
      end $$`);
    this.addSql(
      "create trigger route_alias_new after insert on route for each row execute function keep_route_alias()",
    );
    this.addSql(`
      create trigger route_alias_changed after update on route for each row when (old.name <> new.name)
        execute function keep_route_alias()`);
  }
}
