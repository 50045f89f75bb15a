import { Migration } from "@mikro-orm/migrations";

/** Conversations that are remembered, and their turns. */
export class Migration20261125060100_sessions extends Migration {
  override up(): void {
    this.addSql(`
      create table session (
        id uuid primary key,
        account_id uuid not null constraint session_account_fkey references account (id),
        name uuid not null,
        llm_id uuid not null,
        created_at timestamptz(3) not null,
        updated_at timestamptz(3) not null,
        constraint session_account_name_key unique (account_id, name)
      )`);
    this.addSql("create index session_account_created_idx on session (account_id, created_at, id)");

    this.addSql(`
      create table turn (
        id uuid primary key,
        session_id uuid not null constraint turn_session_fkey references session (id) on delete cascade,
        sequence int not null,
        attempt int not null,
        state varchar(16) not null,
        request_id varchar(64) null,
        request_digest bytea not null,
        answers_tools boolean not null,
        has_system boolean not null,
        tokens int not null,
        sealed_messages jsonb not null,
        sealed_reply jsonb null,
        lease_until timestamptz(3) not null,
        created_at timestamptz(3) not null,
        ended_at timestamptz(3) null,
        constraint turn_session_sequence_key unique (session_id, sequence),
        constraint turn_session_request_key unique (session_id, request_id)
      )`);
    this.addSql("create unique index turn_session_running_key on turn (session_id) where state = 'PENDING'");
    this.addSql("create index turn_lease_idx on turn (lease_until) where state = 'PENDING'");
  }
}
