import { Migration } from "@mikro-orm/migrations";

/** When which Llm is checked next, and Llms that are disabled. */
export class Migration20261125070000_checks extends Migration {
  override up(): void {
    this.addSql("alter table llm add column check_interval_seconds int not null default 0");
    this.addSql("alter table llm add column disabled boolean not null default false");

    // A table of its own: what changes with every check is not in the wide row that servers hold in memory.
    this.addSql(`
      create table llm_check (
        llm_id uuid primary key constraint llm_check_llm_fkey references llm (id) on delete cascade,
        next_check_at timestamptz(3) not null,
        checking_until timestamptz(3) null,
        failures int not null default 0
      )`);
    this.addSql("create index llm_check_next_idx on llm_check (next_check_at)");

    // The result of a test alone is of no concern to whoever holds the row in memory; everything else is, and what is
    // added to the row later is too.
    this.addSql("drop trigger llm_row_change on llm");
    this.addSql(`
      create trigger llm_row_change after update on llm for each row
        when (old.revision <> new.revision or to_jsonb(old) - 'last_test' is distinct from to_jsonb(new) - 'last_test')
        execute function notify_row_change()`);
    this.addSql(`
      create trigger llm_row_change_delete after delete on llm for each row execute function notify_row_change()`);
  }
}
