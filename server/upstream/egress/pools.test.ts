import { once } from "node:events";
import type { Socket } from "node:net";
import { buildConnector } from "undici";
import { describe, expect, it } from "vitest";
import { call, connections, egressFor, fetchText, serve, serveBytes } from "../../test/upstream/loopback.ts";
import { parseAllowRules } from "./allow-rule.ts";
import { defaultLimits } from "./limits.ts";
import { Pools } from "./pools.ts";

describe("a connection", () => {
  it("is used again by the same owner and never by another", async () => {
    const sockets: Socket[] = [];
    const origin = await serve((request, response) => {
      sockets.push(request.socket);
      response.end("ok");
    });
    const through = egressFor({ allow: parseAllowRules(origin) });
    for (const ownerId of ["a", "a", "b", "a"]) {
      await fetchText(through, origin, { ownerId });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const [first, second, other, third] = sockets;
    expect([second === first, other === first, third === first]).toEqual([true, false, true]);
  });

  const reply = (text: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
  it.each([
    { name: "at once", poison: (socket: Socket) => socket.write(reply("mine") + reply("poison")), pauseMs: 0 },
    {
      name: "a little later",
      poison: (socket: Socket) => {
        socket.write(reply("mine"));
        setTimeout(() => socket.write(reply("poison")), 20);
      },
      pauseMs: 100,
    },
  ])("D10 does not hand on a reply that comes $name behind another", async ({ poison, pauseMs }) => {
    let requests = 0;
    const origin = await serveBytes((socket) => {
      requests += 1;
      if (requests === 1) poison(socket);
      else socket.write(reply("mine"));
    });
    const through = egressFor({ allow: parseAllowRules(origin) });
    const first = await fetchText(through, origin);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const rest = [await fetchText(through, origin), await fetchText(through, origin, { ownerId: "other" })];
    expect([first, ...rest]).toEqual(["mine", "mine", "mine"]);
  });

  it("D10 carries one call at a time, also of those that may be repeated", async () => {
    const sockets: Socket[] = [];
    const origin = await serve((request, response) => {
      sockets.push(request.socket);
      setTimeout(() => response.end("ok"), 300);
    });
    const through = egressFor({ allow: parseAllowRules(origin) });
    const options = { method: "GET", body: undefined as never } as const;
    const first = fetchText(through, origin, options);
    await expect.poll(() => sockets.length).toBe(1);
    await Promise.all([first, fetchText(through, origin, options)]);
    expect(new Set(sockets).size).toBe(2);
  });

  it("is closed at once when its call is left, and used again when the reply had told all", async () => {
    const closings: Promise<unknown>[] = [];
    const origin = await serve((request, response) => {
      closings.push(once(response, "close"));
      response.write("one");
      if (request.headers["x-end"]) setTimeout(() => response.end(), 20);
    });
    const through = egressFor({ allow: parseAllowRules(origin) });
    const left = await through.request(call(origin, { streamed: true }));
    await left.read();
    const leftAt = performance.now();
    left.cancel();
    await closings[0];
    expect(performance.now() - leftAt).toBeLessThan(1_000);

    const finished = await through.request(call(origin, { streamed: true, headers: { "x-end": "1" } }));
    await finished.read();
    finished.finish();
    await closings[1];
    expect(await finished.read()).toBeUndefined();
  });

  it("is given up when a reply that had told all does not end", async () => {
    const origin = await serve((_request, response) => response.write("one"));
    const through = egressFor({ allow: parseAllowRules(origin) });
    const response = await through.request(call(origin, { streamed: true }));
    await response.read();
    response.finish();
    await expect.poll(() => connections.get(origin)?.size, { timeout: 3_000 }).toBe(0);
  });

  it.each([1, 20])("of %d owners is kept, not of more", async (idlePools) => {
    const origin = await serve((_request, response) => response.end("ok"));
    const through = egressFor({ allow: parseAllowRules(origin), limits: { idlePools } });
    for (let owner = 0; owner < 30; owner += 1) await fetchText(through, origin, { ownerId: `owner ${owner}` });
    await expect.poll(() => connections.get(origin)?.size).toBe(idlePools);
  });

  it("is closed when nobody has used it for a while", async () => {
    const origin = await serve((_request, response) => response.end("ok"));
    const through = egressFor({ allow: parseAllowRules(origin), limits: { keepAliveMs: 50 } });
    await fetchText(through, origin);
    expect(connections.get(origin)?.size).toBe(1);
    await expect.poll(() => connections.get(origin)?.size).toBe(0);
  });

  it("of a call under way is not the one that is given up for another", async () => {
    const origin = await serve((request, response) => {
      response.write("one");
      setTimeout(() => response.end("two"), request.headers["x-slow"] ? 300 : 0);
    });
    const through = egressFor({ allow: parseAllowRules(origin), limits: { idlePools: 1 } });
    const slow = await through.request(call(origin, { ownerId: "slow", headers: { "x-slow": "1" } }));
    for (const ownerId of ["a", "b", "c"]) await fetchText(through, origin, { ownerId });
    expect(await slow.text(1_000)).toBe("onetwo");
  });
});

describe("pools", () => {
  it("without calls are forgotten after a while, and those with calls are not", async () => {
    const limits = { ...defaultLimits, keepAliveMs: 50 };
    const pools = new Pools({ resolve: async () => [], connectorFactory: buildConnector, limits });
    const route = { origin: "https://a.example.com", path: "/", rule: undefined };
    const leases = ["a", "b", "c"].map((ownerId) => pools.lease(ownerId, route));
    leases[0]?.release();
    await expect.poll(() => pools.size).toBe(2);
    for (const { release } of leases.slice(1)) release();
    await expect.poll(() => pools.size).toBe(0);
    await pools.close();
  });
});

describe("when there are as many pools as there may be", () => {
  const limits = { ...defaultLimits, idlePools: 1 };
  const route = { origin: "https://a.example.com", path: "/", rule: undefined };
  const open = () => new Pools({ resolve: async () => [], connectorFactory: buildConnector, limits });

  it("another owner gets a connection for one call, and a pool when the next call comes soon", async () => {
    const pools = open();
    pools.lease("a", route).release();
    const first = pools.lease("b", route);
    expect([first.isForOne, pools.size]).toEqual([true, 1]);
    first.release();
    const second = pools.lease("b", route);
    expect([second.isForOne, pools.size]).toEqual([false, 1]);
    expect(pools.lease("a", route).isForOne).toBe(true);
    await pools.close();
  });

  it("nobody's pool is taken away while a call is under way in it", async () => {
    const pools = open();
    pools.lease("a", route);
    expect(["b", "b", "b"].map((owner) => pools.lease(owner, route).isForOne)).toEqual([true, true, true]);
    await pools.close();
  });

  it("the connection of one call is closed behind it, and never another owner's", async () => {
    const sockets: Socket[] = [];
    const origin = await serve((request, response) => {
      sockets.push(request.socket);
      response.end("ok");
    });
    const through = egressFor({ allow: parseAllowRules(origin), limits: { idlePools: 1 } });
    for (const ownerId of ["a", "b", "c", "d"]) await fetchText(through, origin, { ownerId });
    expect(new Set(sockets).size).toBe(4);
    await expect.poll(() => connections.get(origin)?.size).toBe(1);
  });
});
