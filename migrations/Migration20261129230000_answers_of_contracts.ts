import { Migration } from "@mikro-orm/migrations";

/** Answers that are kept say in which version of the contract they are written; those that do not are the first's. */
export class Migration20261129230000_answers_of_contracts extends Migration {
  override up(): void {
    this.addSql("alter table answered_request add column contract_version smallint not null default 1");
  }
}
