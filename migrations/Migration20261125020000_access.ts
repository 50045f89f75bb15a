import { Migration } from "@mikro-orm/migrations";

/** What API keys may do of what their roles may, and when each was last used. */
export class Migration20261125020000_access extends Migration {
  override up(): void {
    this.addSql("alter table api_key add column scopes text[] not null default '{}'");
    this.addSql("alter table api_key alter column scopes drop default");
    this.addSql("create index api_key_account_created_idx on api_key (account_id, created_at, id)");

    // A table of its own: that a key was used is no change of the key, of which every server would be told.
    this.addSql(`
      create table api_key_use (
        api_key_id varchar(16) primary key
          constraint api_key_use_api_key_fkey references api_key (id) on update cascade on delete cascade,
        last_used_at timestamptz(3) not null
      )`);
  }
}
