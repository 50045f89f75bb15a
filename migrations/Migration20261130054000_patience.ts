import { Migration } from "@mikro-orm/migrations";

/** How long an Llm's replies are waited for, where that is not as the server does by itself. */
export class Migration20261130054000_patience extends Migration {
  override up(): void {
    this.addSql("alter table llm add column patience jsonb not null default '{}'");
  }
}
