import { Migration } from "@mikro-orm/migrations";

/** What is known of the models of Llms, and when which of them is looked at next. */
export class Migration20261125090000_models extends Migration {
  override up(): void {
    this.addSql("alter table llm add column model_state varchar(16) not null default 'UNKNOWN'");
    this.addSql(`alter table llm add column model jsonb not null default '{"claims": {}}'`);
    this.addSql("update llm set model_state = 'DEPRECATED' where model_deprecated");
    this.addSql("alter table llm drop column model_deprecated");

    // As llm_check is: what changes with every look is not in the wide row that servers hold in memory.
    this.addSql(`
      create table llm_model_check (
        llm_id uuid primary key constraint llm_model_check_llm_fkey references llm (id) on delete cascade,
        next_check_at timestamptz(3) not null,
        checking_until timestamptz(3) null,
        failures int not null default 0
      )`);
    this.addSql("create index llm_model_check_next_idx on llm_model_check (next_check_at)");
    this.addSql(`
      insert into llm_model_check (llm_id, next_check_at)
        select id, now() + random() * interval '24 hours' from llm where deleted_at is null`);

    // By triggers, as many change an Llm and none may forget it; and a creation is not one statement slower.
    this.addSql(`
      create function plan_model_check() returns trigger language plpgsql as $$
      begin
        insert into llm_model_check (llm_id, next_check_at) values (new.id, now() + (1 + 9 * random()) * interval '1 s')
          on conflict (llm_id) do update set next_check_at = excluded.next_check_at, failures = 0;
        return null;
      end $$`);
    this.addSql(
      "create trigger llm_model_check_new after insert on llm for each row execute function plan_model_check()",
    );
    this.addSql(`
      create trigger llm_model_check_changed after update on llm for each row
        when (old.connection_digest <> new.connection_digest or old.credentials_version <> new.credentials_version
          or (old.disabled and not new.disabled) or (old.deleted_at is not null and new.deleted_at is null))
        execute function plan_model_check()`);

    // When a list was last read is of no concern to whoever holds the row in memory either.
    this.addSql("drop trigger llm_row_change on llm");
    this.addSql(`
      create trigger llm_row_change after update on llm for each row
        when (old.revision <> new.revision or to_jsonb(old) - 'last_test' #- '{model,checkedAt}'
          is distinct from to_jsonb(new) - 'last_test' #- '{model,checkedAt}')
        execute function notify_row_change()`);
  }
}
