/**
 * Peers that are slow, stop, or reset. What takes the listener's own limits of 10 to 300 s is tested there with shorter
 * ones (server/wire/http/limits.test.ts); here is what bounds them before, and that nobody else waits.
 */
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { getFrame, HTTP2_HELLO, resetFrame } from "../wire/frames.ts";
import { Probe } from "./probe.ts";
import { startVictim, type Victim } from "./victim.ts";

const MAX_MS = 2_000;
const MAX_MIB = 64;
const READERS = 8;

let victim: Victim;
let probe: Probe;
let endless: string;
beforeAll(async () => {
  victim = await startVictim();
  probe = new Probe(victim, await victim.addLlm("probed"));
  endless = await victim.addLlm("endless-long-words");
});
afterAll(async () => {
  await probe.end();
  await victim.stop();
});

async function openSocket(): Promise<Socket> {
  const socket = connect(victim.port, victim.host);
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

function openSession() {
  const session = connectHttp2(victim.url);
  session.on("error", () => {});
  onTestFinished(() => session.destroy());
  return session;
}

/** What others saw meanwhile: no failures and no long wait. */
async function expectOthersServed(what: string): Promise<void> {
  const { calls, worstMs, failures } = await probe.report();
  console.log(`${what}: a correct call meanwhile, of ${calls}: worst ${worstMs} ms`);
  expect(failures).toEqual([]);
  expect(worstMs).toBeLessThan(MAX_MS);
}

describe("hundreds of peers that say half of it", () => {
  it("cost nobody else anything", async () => {
    const { rssMib } = await victim.inspect();
    await probe.report();
    const post = `POST /v1/llms HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${victim.apiKey}\r\ncontent-type: application/json\r\n`;
    const halves = [
      "P",
      "GET /v1/llms HTTP/1.1\r\nhost: a\r\nx-slow: ",
      `${post}content-length: 4000000\r\n\r\n{`,
      `${post}transfer-encoding: chunked\r\n\r\n5\r\n{`,
      "PRI * HTTP/2",
      HTTP2_HELLO.toString("latin1"),
    ];
    for (let round = 0; round < 50; round++) {
      const sockets = await Promise.all(halves.map(openSocket));
      for (const [index, half] of halves.entries()) sockets[index]?.write(half, "latin1");
    }
    await delay(500);
    await expectOthersServed("300 peers that say half of it");
    expect(victim.rssMib() - rssMib).toBeLessThan(MAX_MIB);
  });
});

describe("readers that stop in the middle of a stream without end", () => {
  it.each(["HTTP/1.1", "HTTP/2"])("are not read to from memory: 8 over %s", { timeout: 90_000 }, async (version) => {
    const path = `/v1/llms/${endless}:streamChat`;
    const headers = { authorization: `Bearer ${victim.apiKey}`, "content-type": "application/json" };
    const before = victim.upstream.requests.length;
    const { rssMib } = await victim.inspect();
    await probe.report();
    const body = JSON.stringify({ message: "Hi" });
    const open = {
      "HTTP/1.1": async () => {
        const socket = await openSocket();
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
        socket
          .pause()
          .write(`POST ${path} HTTP/1.1\r\nhost: a\r\n${lines.join("")}content-length: ${body.length}\r\n\r\n${body}`);
      },
      "HTTP/2": async () => {
        openSession()
          .request({ ":method": "POST", ":path": path, ...headers })
          .on("error", () => {})
          .pause()
          .end(body);
      },
    }[version];
    for (let n = 0; n < READERS; n++) await open?.();
    await victim.upstream.whenRequested(before + READERS - 1);
    // Once all buffers on the way are full, the upstream is no longer read.
    await expect.poll(() => isAtRest(before), { timeout: 60_000, interval: 0 }).toBe(true);
    const [takenMib, grownMib] = [Math.round(bytesFromUpstream(before) / 2 ** 20), victim.rssMib() - rssMib];
    console.log(
      `${READERS} readers that stop, over ${version}: RSS + ${grownMib} MiB, ${takenMib} MiB taken from the upstream`,
    );
    expect(grownMib).toBeLessThan(4 * MAX_MIB);
    // Not at rest because the replies were over: the most that is taken of one.
    expect(victim.upstream.requests.slice(before).filter(({ closedAt }) => closedAt !== undefined)).toEqual([]);
    const { worstLoopMs } = await victim.inspect();
    const { worstMs, failures } = await probe.report();
    // Until then the streams go as fast as two cores can: no figure that could be asserted.
    console.log(
      `meanwhile a correct call waited ${worstMs} ms at worst; the event loop's longest pause: ${worstLoopMs} ms`,
    );
    expect(failures).toEqual([]);
  });
});

async function isAtRest(from: number): Promise<boolean> {
  const sent = bytesFromUpstream(from);
  await delay(500);
  return sent === bytesFromUpstream(from);
}

/** What the server has taken, without what still waits at the upstream. */
function bytesFromUpstream(from: number): number {
  const sockets = victim.upstream.requests.slice(from).map(({ response }) => response.socket);
  return sockets.reduce((sum, socket) => sum + (socket ? socket.bytesWritten - socket.writableLength : 0), 0);
}

describe("a flood of 20,000 streams that are opened and reset (CVE-2023-44487)", () => {
  it("costs the attacker the connection and nobody else much", async () => {
    await probe.report();
    const attacker = await openSocket();
    attacker.resume();
    const closed = once(attacker, "close");
    attacker.write(HTTP2_HELLO);
    attacker.write(
      Buffer.concat(
        Array.from({ length: 20_000 }, (_, n) => Buffer.concat([getFrame(2 * n + 1), resetFrame(2 * n + 1)])),
      ),
    );
    expect(await Promise.race([closed.then(() => "closed"), delay(5_000, "open")])).toBe("closed");
    await expectOthersServed("a flood of 20,000 resets");
    expect(victim.isAlive()).toBe(true);
  });
});
