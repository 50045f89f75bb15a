import { Migration } from "@mikro-orm/migrations";

/** Who did what to which resource, one chain of hashes for each account. */
export class Migration20261125000000_audit extends Migration {
  override up(): void {
    this.addSql(`
      create table audit_chain (
        account_id uuid primary key,
        sequence bigint not null,
        hash bytea not null
      )`);

    this.addSql(`
      create table audit_event (
        account_id uuid not null,
        sequence bigint not null,
        record json not null,
        hash bytea not null,
        action varchar(64) generated always as (record ->> 'action') stored not null,
        resource_type varchar(64) generated always as (record ->> 'resourceType') stored not null,
        resource_id varchar(255) generated always as (record ->> 'resourceId') stored not null,
        primary key (account_id, sequence)
      )`);
    this.addSql("create index audit_event_resource_idx on audit_event (account_id, resource_id, sequence)");
    this.addSql("create index audit_event_action_idx on audit_event (account_id, action, sequence)");
  }
}
