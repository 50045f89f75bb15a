import { Migration } from "@mikro-orm/migrations";

/** What Llms fail at is told apart by what they were called for, and usage by the route that chose them. */
export class Migration20261130211000_operations extends Migration {
  override up(): void {
    this.addSql("alter table llm_cooldown add column operation varchar(16) not null default 'chat'");
    this.addSql("alter table llm_cooldown drop constraint llm_cooldown_pkey");
    this.addSql("alter table llm_cooldown add constraint llm_cooldown_pkey primary key (llm_id, operation)");

    this.addSql("alter table reply_usage add column route_id uuid null");
    this.addSql("alter table daily_usage add column route_id varchar(36) not null default ''");
  }
}
