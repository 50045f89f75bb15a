import { connect, createServer } from "node:net";
import type { TestDatabase } from "../store/databases.ts";
import { listenOnLoopback } from "./listen-on-loopback.ts";

/** Stands between a server and its database, and keeps every byte that goes to the database: statements and values. */
export async function recordDatabase({ address }: TestDatabase) {
  const pieces: Buffer[] = [];
  const { port, close } = await listenOnLoopback(
    createServer((client) => {
      const database = connect(`${address.host}/.s.PGSQL.5432`);
      client.on("data", (piece: Buffer) => pieces.push(piece));
      client.pipe(database).pipe(client);
      database.on("error", () => client.destroy());
      client.on("close", () => database.destroy());
    }),
  );
  return {
    url: `postgres://${address.user}@127.0.0.1:${port}/${address.database}`,
    sent: () => Buffer.concat(pieces).toString("latin1"),
    close,
  };
}
