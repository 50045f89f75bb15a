import { Migration } from "@mikro-orm/migrations";

/**
 * What holders of API keys, accounts and people may take.
 *
 * A row of its own for each of them, and not columns of the key: a key that is rolled shares it with the one before, what
 * is made with a limited key stays within it, and what was used is counted by its id. A server of the version before can
 * run beside: it limits nobody.
 */
export class Migration20261130020000_holder_limits extends Migration {
  override up(): void {
    this.addSql("alter table account add column contact varchar(255) not null default ''");
    this.addSql(`
      create table holder_limits (
        id uuid primary key,
        account_id uuid not null constraint holder_limits_account_fkey references account (id) on delete cascade,
        within_id uuid null constraint holder_limits_within_fkey references holder_limits (id) on delete set null,
        kind varchar(16) not null,
        subject text null,
        allowed_models text[] not null,
        requests_per_minute int not null,
        tokens_per_minute bigint not null,
        parallel_calls int not null,
        budget_amount bigint null,
        budget_period varchar(16) null
      )`);
    this.addSql("create index holder_limits_account_idx on holder_limits (account_id)");
    this.addSql("create index holder_limits_within_idx on holder_limits (within_id)");
    this.addSql(`
      create function notify_holder_limits_change() returns trigger language plpgsql as $$
      begin
        perform pg_notify('row_change', 'holder_limits:' || coalesce(new.id, old.id));
        return null;
      end $$`);
    this.addSql(`
      create trigger holder_limits_row_change after insert or update or delete on holder_limits
        for each row execute function notify_holder_limits_change()`);

    this.addSql(
      "alter table api_key add column limits_id uuid null constraint api_key_limits_fkey references holder_limits (id)",
    );
    this.addSql("create index api_key_limits_idx on api_key (limits_id)");
    this.addSql("alter table api_key add column is_imported boolean not null default false");
    // Keys of ours are found by the id in them. One that was brought along has none, and is one key's alone.
    this.addSql("create unique index api_key_imported_key on api_key (digest) where is_imported");

    // What each of them has spent is kept as budgets are, so that one statement holds and settles all that a chat costs.
    this.addSql(`
      alter table budget add column holder_id uuid null
        constraint budget_holder_fkey references holder_limits (id) on delete cascade`);
    this.addSql("drop index budget_owner_llm_period_key");
    this.addSql(`
      create unique index budget_owner_llm_period_key on budget (owner_id, llm_id, period) nulls not distinct
        where holder_id is null`);
    this.addSql("create unique index budget_holder_key on budget (holder_id) where holder_id is not null");
    // Whether an Llm has a budget says nothing of those who chat with it.
    this.addSql(`
      create or replace function notify_budget_change() returns trigger language plpgsql as $$
      begin
        if coalesce(new.holder_id, old.holder_id) is null then
          perform pg_notify('row_change', 'budget:' || coalesce(new.id, old.id));
        end if;
        return null;
      end $$`);

    // Calls under way of those who may have so many at the same time, each with the end of its lease in milliseconds.
    this.addSql("create table holder_calls (holder_id uuid primary key, calls jsonb not null)");
  }
}
