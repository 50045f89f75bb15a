import { Migration } from "@mikro-orm/migrations";

/**
 * What holders of limits have spent goes out of `budget` into a table of its own: there, it stood in the way of the index by
 * which servers of before set budgets, which would have counted it as the account's, too.
 */
export class Migration20261130210000_holder_spending extends Migration {
  override up(): void {
    this.addSql(`
      create table holder_spending (
        holder_id uuid primary key constraint holder_spending_holder_fkey
          references holder_limits (id) on update cascade on delete cascade,
        spent bigint not null,
        reserved bigint not null,
        window_start timestamptz(3) not null
      )`);
    this.addSql(`
      create table holder_reservation (
        usage_id uuid not null,
        holder_id uuid not null
          constraint holder_reservation_holder_fkey references holder_spending (holder_id) on delete cascade,
        amount bigint not null,
        expires_at timestamptz(3) not null,
        primary key (usage_id, holder_id)
      )`);
    this.addSql("create index holder_reservation_expires_idx on holder_reservation (expires_at)");

    this.addSql(`
      insert into holder_spending (holder_id, spent, reserved, window_start)
        select holder_id, spent, 0, window_start from budget where holder_id is not null`);
    // What calls under way hold of them is given up: at most they go over by that, once.
    this.addSql("delete from budget where holder_id is not null");

    this.addSql("drop index budget_owner_llm_period_key");
    this.addSql(
      "create unique index budget_owner_llm_period_key on budget (owner_id, llm_id, period) nulls not distinct",
    );
  }
}
