import { Migration } from "@mikro-orm/migrations";

/** An index of the Llms whose models end. */
export class Migration20261126000000_model_ends extends Migration {
  override up(): void {
    this.addSql(
      "create index llm_model_ends_idx on llm (model_state, owner_id, created_at, id) " +
        "where deleted_at is null and model_state in ('DEPRECATED', 'RETIRED', 'MISSING')",
    );
  }
}
