import { Migration } from "@mikro-orm/migrations";

/**
 * The sums of days are told apart by who called and by the model that replied, too. A server of the version before can run
 * beside: what it adds is nobody's, as are the sums that there are.
 */
export class Migration20261130070000_usage_by_caller extends Migration {
  override up(): void {
    this.addSql(`
      alter table daily_usage
        add column api_key_id varchar(16) not null default '',
        add column subject text not null default '',
        add column model varchar(255) not null default ''`);

    // What is near a limit, or over it, once in each period; to be told to the operator's webhook.
    this.addSql(`
      create table limit_notice (
        id uuid primary key,
        holder_id uuid not null,
        limit_name varchar(32) not null,
        threshold smallint not null,
        period_start timestamptz(3) not null,
        kind varchar(16) not null,
        holder_name text not null,
        account_id uuid not null,
        allowed bigint not null,
        used bigint not null,
        noticed_at timestamptz(3) not null,
        tries int not null default 0,
        next_try_at timestamptz(3) null,
        constraint limit_notice_once_key unique (holder_id, limit_name, threshold, period_start)
      )`);
    this.addSql("create index limit_notice_due_idx on limit_notice (next_try_at) where next_try_at is not null");
  }
}
