import { Migration } from "@mikro-orm/migrations";

/** Tells every server which rows have changed that it may hold in memory. */
export class Migration20261125000100_row_changes extends Migration {
  override up(): void {
    this.addSql(`
      create function notify_row_change() returns trigger language plpgsql as $$
      begin
        perform pg_notify('row_change', tg_table_name || ':' || old.id);
        return null;
      end $$`);
    for (const table of ["account", "api_key", "llm"]) {
      this.addSql(
        `create trigger ${table}_row_change after update or delete on ${table}
          for each row execute function notify_row_change()`,
      );
    }
  }
}
