import { Migration } from "@mikro-orm/migrations";

/** What callers have used up, for all servers; the form is rate-limiter-flexible's. Unlogged: a crash forgives. */
export class Migration20261125000200_rate_limits extends Migration {
  override up(): void {
    this.addSql(`
      create unlogged table rate_limit (
        key varchar(255) primary key,
        points integer not null default 0,
        expire bigint
      )`);
    this.addSql("create index rate_limit_expire_idx on rate_limit (expire)");
  }
}
