import { Migration } from "@mikro-orm/migrations";

/** Limits of what chats may cost, and what chats under way hold of them. */
export class Migration20261125060200_budgets extends Migration {
  override up(): void {
    this.addSql(`
      create table budget (
        id uuid primary key,
        owner_id uuid not null constraint budget_owner_fkey references account (id),
        llm_id uuid null constraint budget_llm_fkey references llm (id) on delete cascade,
        period varchar(16) not null,
        mode varchar(16) not null,
        amount bigint not null,
        is_imposed boolean not null,
        spent bigint not null,
        reserved bigint not null,
        window_start timestamptz(3) not null,
        created_at timestamptz(3) not null,
        updated_at timestamptz(3) not null
      )`);
    this.addSql(
      "create unique index budget_owner_llm_period_key on budget (owner_id, llm_id, period) nulls not distinct",
    );
    this.addSql("create index budget_created_idx on budget (created_at, id)");

    this.addSql(`
      create table budget_reservation (
        usage_id uuid not null,
        budget_id uuid not null constraint budget_reservation_budget_fkey references budget (id) on delete cascade,
        amount bigint not null,
        expires_at timestamptz(3) not null,
        primary key (usage_id, budget_id)
      )`);
    this.addSql("create index budget_reservation_expires_idx on budget_reservation (expires_at)");

    // Every server holds in memory whether an Llm has a budget. What is spent of it changes nothing about that.
    this.addSql(`
      create function notify_budget_change() returns trigger language plpgsql as $$
      begin
        perform pg_notify('row_change', 'budget:' || coalesce(new.id, old.id));
        return null;
      end $$`);
    this.addSql(
      `create trigger budget_row_change after insert or delete on budget
        for each row execute function notify_budget_change()`,
    );
  }
}
