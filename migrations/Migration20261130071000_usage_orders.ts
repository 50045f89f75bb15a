import { Migration } from "@mikro-orm/migrations";

/** An index for each order in which sums of usage are asked for: a page is read from where it begins. */
export class Migration20261130071000_usage_orders extends Migration {
  override up(): void {
    this.addSql("create index daily_usage_owner_day_idx on daily_usage (owner_id, day, llm_id)");
    this.addSql("create index daily_usage_owner_llm_idx on daily_usage (owner_id, llm_id, day)");
    this.addSql("create index daily_usage_day_llm_idx on daily_usage (day, llm_id)");
    this.addSql("drop index daily_usage_owner_idx");
    this.addSql("drop index daily_usage_day_idx");
  }
}
