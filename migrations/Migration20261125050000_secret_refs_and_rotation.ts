import { Migration } from "@mikro-orm/migrations";

/** Keys that are kept elsewhere, and credentials that wait to be used or brought back. */
export class Migration20261125050000_secret_refs_and_rotation extends Migration {
  override up(): void {
    // With defaults, for servers of the version before that still write while this one starts.
    this.addSql("alter table llm add column credentials_ref text not null default ''");
    this.addSql(`
      alter table llm
        add column sealed_pending_credentials jsonb null,
        add column pending_credentials jsonb null,
        add column sealed_previous_credentials jsonb null,
        add column previous_credentials jsonb null`);

    this.addSql("alter table llm add column credentials_issued int not null default 1");
    // Nothing that a server holds in memory changes by it, and nobody need be told of every row.
    this.addSql("alter table llm disable trigger llm_row_change");
    this.addSql("update llm set credentials_issued = credentials_version where credentials_version <> 1");
    this.addSql("alter table llm enable trigger llm_row_change");
  }
}
