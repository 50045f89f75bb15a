import { Migration } from "@mikro-orm/migrations";

/** Which Llms have failed and are left alone for a moment, known to all servers; and the route that a session is with. */
export class Migration20261130060000_llm_cooldowns extends Migration {
  override up(): void {
    // Written when an Llm fails or is well again, and never while it goes on as it is. What a crash loses is found again.
    this.addSql(`
      create unlogged table llm_cooldown (
        llm_id uuid primary key constraint llm_cooldown_llm_fkey references llm (id) on delete cascade,
        failures int not null,
        failed_with varchar(64) not null,
        is_told boolean not null,
        until timestamptz not null
      )`);
    this.addSql(`
      create function notify_llm_cooldown() returns trigger language plpgsql as $$
      begin
        perform pg_notify('row_change', 'llm_cooldown:' || coalesce(new.llm_id, old.llm_id));
        return null;
      end $$`);
    this.addSql(`
      create trigger llm_cooldown_row_change after insert or update or delete on llm_cooldown
        for each row execute function notify_llm_cooldown()`);
    this.addSql("alter table session add column route_id uuid null");
  }
}
