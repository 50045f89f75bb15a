import { Migration } from "@mikro-orm/migrations";

/** Calls under way are no more worth than what callers have used up: a crash forgives, and their leases are over soon. */
export class Migration20261201043000_unlogged_calls extends Migration {
  override up(): void {
    this.addSql("alter table holder_calls set unlogged");
  }
}
