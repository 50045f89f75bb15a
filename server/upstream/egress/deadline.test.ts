import { expect, it } from "vitest";
import { call, egressFor, serve } from "../../test/upstream/loopback.ts";
import { parseAllowRules } from "./allow-rule.ts";

/** Keeps this process from everything else. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

it("what came in time is heard, though this process was too busy to hear it in time", async () => {
  const origin = await serve((_, response) => {
    response.writeHead(200);
    response.write("in time");
    block(300);
    setTimeout(() => response.end(), 500);
  });
  const egress = egressFor({ allow: parseAllowRules(origin), limits: { firstPieceMs: 200, betweenPiecesMs: 1_000 } });
  const response = await egress.request(call(origin, { streamed: true }));
  expect(Buffer.concat([...((await response.read()) ?? [])]).toString()).toBe("in time");
  response.hear();
  expect(await response.read()).toBeUndefined();
});

it("waits for a first piece for its whole time, though it waits for less between two", async () => {
  const origin = await serve((_, response) => {
    response.writeHead(200);
    setTimeout(() => response.end("late"), 400);
  });
  const egress = egressFor({ allow: parseAllowRules(origin), limits: { firstPieceMs: 2_000, betweenPiecesMs: 100 } });
  const response = await egress.request(call(origin, { streamed: true }));
  expect(Buffer.concat([...((await response.read()) ?? [])]).toString()).toBe("late");
});
