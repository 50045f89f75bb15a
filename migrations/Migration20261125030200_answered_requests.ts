import { Migration } from "@mikro-orm/migrations";

/** The answers of calls that came with a request_id, so that a repeated call gets the same one. */
export class Migration20261125030200_answered_requests extends Migration {
  override up(): void {
    this.addSql(`
      create table answered_request (
        account_id uuid not null,
        rpc varchar(255) not null,
        request_id uuid not null,
        digest bytea not null,
        answer bytea null,
        created_at timestamptz(3) not null,
        primary key (account_id, rpc, request_id)
      )`);
    this.addSql("create index answered_request_created_idx on answered_request (created_at)");
  }
}
