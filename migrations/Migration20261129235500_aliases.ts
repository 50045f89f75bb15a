import { Migration } from "@mikro-orm/migrations";

/** Names that programs call Llms by. */
export class Migration20261129235500_aliases extends Migration {
  override up(): void {
    this.addSql("alter table llm add column alias varchar(63) not null default ''");

    // The namespace of an owner, in a table of its own: whatever else programs may call by a name joins it with a column.
    this.addSql(`
      create table alias (
        owner_id uuid not null constraint alias_owner_fkey references account (id) on delete cascade,
        name varchar(63) not null,
        llm_id uuid null constraint alias_llm_fkey references llm (id) on delete cascade,
        constraint alias_pkey primary key (owner_id, name)
      )`);
    this.addSql("create unique index alias_llm_idx on alias (llm_id)");

    // By triggers, as many change an Llm and none may forget it. The primary key decides whether a name is free.
    this.addSql(`
      create function keep_llm_alias() returns trigger language plpgsql as $$
      begin
        delete from alias where llm_id = new.id;
        if new.alias <> '' and new.deleted_at is null then
          insert into alias (owner_id, name, llm_id) values (new.owner_id, new.alias, new.id);
        end if;
        perform pg_notify('row_change', 'alias:' || new.id);
        return null;
      end $$`);
    this.addSql(`
      create trigger llm_alias_new after insert on llm for each row when (new.alias <> '')
        execute function keep_llm_alias()`);
    this.addSql(`
      create trigger llm_alias_changed after update on llm for each row
        when (old.alias <> new.alias or (new.alias <> '' and old.deleted_at is distinct from new.deleted_at))
        execute function keep_llm_alias()`);
  }
}
