import { Migration } from "@mikro-orm/migrations";

/** What rotating keys needs to know: which data keys are replaced, how much each has sealed, which KEKs are gone. */
export class Migration20261125010000_key_rotation extends Migration {
  override up(): void {
    this.addSql(`
      alter table wrapped_key
        alter column wrapped_by type varchar(128),
        add column superseded_at timestamptz(3) null,
        add column encryptions bigint not null default 0`);
    this.addSql(`
      create unique index wrapped_key_installation_key on wrapped_key (holder) where holder = 'installation'`);
    this.addSql(`
      create table retired_key (
        id varchar(128) primary key,
        retired_at timestamptz(3) not null
      )`);
  }
}
