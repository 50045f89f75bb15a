import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Client } from "pg";
import type { Place } from "./scan.ts";

/** Every row of every table, as COPY writes it: what a dump would have. */
export async function dumpTables(dataDir: string): Promise<Place[]> {
  const [, , , , host] = readFileSync(join(dataDir, "postgres/postmaster.pid"), "utf8").split("\n");
  const client = new Client({ host, user: "patchbay", database: "patchbay" });
  await client.connect();
  try {
    const { rows } = await client.query(
      "select table_schema as schema, table_name as name from information_schema.tables where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema') order by 1, 2",
    );
    const places: Place[] = [];
    for (const { schema, name } of rows) {
      const table = `${client.escapeIdentifier(schema)}.${client.escapeIdentifier(name)}`;
      // Each row as JSON text: pg speaks no COPY, and this has every column, binary ones in hex.
      const dump = await client.query(
        `select coalesce(string_agg(to_jsonb(t)::text, E'\\n'), '') as rows from ${table} t`,
      );
      places.push({ name: `table ${name}`, bytes: Buffer.from(dump.rows[0].rows) });
    }
    // So that what is in memory is in the files.
    await client.query("checkpoint");
    return places;
  } finally {
    await client.end();
  }
}

/** Every file below a folder. */
export function readFiles(folder: string): Place[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = join(entry.parentPath, entry.name);
      return { name: `file ${relative(folder, file)}`, bytes: readFileSync(file) };
    });
}
