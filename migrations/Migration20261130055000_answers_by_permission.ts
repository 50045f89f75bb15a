import { Migration } from "@mikro-orm/migrations";

/** Answers that are kept say what their caller was allowed that they depended on; unknown of those from before. */
export class Migration20261130055000_answers_by_permission extends Migration {
  override up(): void {
    this.addSql("alter table answered_request add column permissions text[] null");
  }
}
