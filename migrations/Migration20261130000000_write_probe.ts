import { Migration } from "@mikro-orm/migrations";

/** A row that is written to prove that rows can be: while something could not be, a server asks so before it serves. */
export class Migration20261130000000_write_probe extends Migration {
  override up(): void {
    this.addSql(
      "create table write_probe (id smallint primary key, probed_at timestamptz(3) not null, filler text not null)",
    );
    // As long as it is: compressed, it would take no room.
    this.addSql("alter table write_probe alter column filler set storage plain");
  }
}
