import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { Pool } from "pg";
import { expect, it, onTestFinished } from "vitest";
import { Connector } from "./connector.ts";
import { parseAddress } from "./database-address.ts";

/** Takes anybody, is ready for queries, and says with the same breath that an administrator ends the session. */
const READY = Buffer.from("R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I", "latin1");
const TERMINATED = message("E", "SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0");

function message(type: string, text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + Buffer.byteLength(text));
  return Buffer.concat([Buffer.from(type), length, Buffer.from(text)]);
}

it("a session that is ended the moment it begins ends no process, and its place is free again", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(Buffer.concat([READY, TERMINATED])));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const connector = new Connector(parseAddress(`postgres://me@127.0.0.1:${port}/db`));
  const pool = new Pool({ Client: connector.classOf("limited"), max: 2 } as ConstructorParameters<typeof Pool>[0]);
  connector.guard.watch(pool);
  pool.on("error", () => {});
  // An error event without a listener would be an uncaught exception here, and the end of a server.
  for (let times = 0; times < 5; times++) await expect(pool.query("select 1")).rejects.toThrow();
  await expect.poll(() => pool.totalCount).toBe(0);
  await pool.end();
});
