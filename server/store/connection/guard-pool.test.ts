import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Pool } from "pg";
import { expect, it, onTestFinished } from "vitest";
import { Connector } from "./connector.ts";
import { parseAddress } from "./database-address.ts";

const READY = Buffer.from("Z\0\0\0\x05I", "latin1");
const WELCOME = Buffer.concat([Buffer.from("R\0\0\0\x08\0\0\0\0", "latin1"), READY]);
const DONE = Buffer.concat([Buffer.from("C\0\0\0\x0dSELECT 0\0", "latin1"), READY]);

it("callers of a cold pool are served by the connections that are there, while others are opened", async () => {
  const waiting: Socket[] = [];
  let places = 4;
  const welcome = (socket: Socket) => {
    places--;
    socket.write(WELCOME);
    socket.on("data", (message) => message.toString("latin1").startsWith("Q") && socket.write(DONE));
  };
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => (places > 0 ? welcome(socket) : waiting.push(socket)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const address = parseAddress(`postgres://me@127.0.0.1:${port}/db`);
  const connector = new Connector(address, { connectMs: 20_000, queryMs: 20_000 });
  const pool = new Pool({ Client: connector.classOf("limited"), max: 20 } as ConstructorParameters<typeof Pool>[0]);
  connector.guard.watch(pool);
  onTestFinished(async () => {
    await pool.end();
    server.close();
  });

  let answered = 0;
  const all = Array.from({ length: 20 }, () => pool.query("select").then(() => answered++));
  // All but those who wait for the four that are being opened.
  await expect.poll(() => answered, { timeout: 15_000 }).toBe(16);
  expect(waiting).toHaveLength(4);
  places = Number.POSITIVE_INFINITY;
  waiting.forEach(welcome);
  await Promise.all(all);
  // A pool that was busy once may grow as large as it may be, and no larger.
  await Promise.all(Array.from({ length: 60 }, () => pool.query("select")));
  expect(pool.totalCount).toBeLessThanOrEqual(20);
});
