import { Migration } from "@mikro-orm/migrations";

/**
 * Tells of what is shown of Llms and of no concern to chats: the results of tests, when lists were looked at, what replies
 * cost. Servers hold what they show of an Llm in memory, too.
 */
export class Migration20261130212000_shown_llms extends Migration {
  override up(): void {
    this.addSql(`
      create function notify_llm_shown_change() returns trigger language plpgsql as $$
      begin
        perform pg_notify('row_change', 'llm_shown:' || old.id);
        return null;
      end $$`);
    this.addSql(`
      create trigger llm_shown_row_change after update on llm for each row
        when (old.last_test is distinct from new.last_test or old.model is distinct from new.model)
        execute function notify_llm_shown_change()`);

    // A busy Llm costs more with each reply: that is told once a second, and servers hold none of which it was just told.
    // By who adds to it, as a trigger that changes the row locks it first; of a server of the version before, it is told.
    this.addSql("alter table llm_total add column told_at timestamptz(3) not null default now()");
    this.addSql(`
      create function notify_llm_total_change() returns trigger language plpgsql as $$
      begin
        perform pg_notify('row_change', 'llm_total:' || new.llm_id);
        return null;
      end $$`);
    this.addSql(`
      create trigger llm_total_row_change after update on llm_total for each row
        when (old.told_at < clock_timestamp() - interval '1 second') execute function notify_llm_total_change()`);
    this.addSql(`
      create trigger llm_total_row_change_new after insert on llm_total
        for each row execute function notify_llm_total_change()`);
  }
}
