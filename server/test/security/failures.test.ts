/** An error that nobody foresaw tells its caller a request id, and nothing else. B6. */
import { randomUUID } from "node:crypto";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Logger } from "../../base/log.ts";
import { DIALECT_SERVICES, DIALECTS } from "../../service/dialects/dialects.ts";
import { SERVICES } from "../../service/services.ts";
import { createApp } from "../../wire/app.ts";
import { type Listener, listen } from "../../wire/http/listen.ts";
import { SURFACES } from "../surfaces.ts";
import { problemIn } from "../wire/expect-problem.ts";
import { operations } from "./operations.ts";

const CANARY = "canary-in-an-exception";
const TOLD = /internal error; the log has it under request id [0-9a-f-]{36}/;

const reached = new Set<DescMethod>();
const logged: string[] = [];
let listener: Listener;
beforeAll(async () => {
  const log = (facts: object) => void logged.push(JSON.stringify(facts, (_, value) => value?.stack ?? value));
  const app = createApp({
    maxBodyBytes: 2 ** 20,
    routes: (router: ConnectRouter) => {
      for (const service of SERVICES) router.service(service as DescService, throwing(service) as never);
    },
    dialects: DIALECTS,
    files: [...SERVICES, ...DIALECT_SERVICES].map(({ file }) => file),
    maxBytes: () => 2 ** 20,
    admit: async () => {},
    classify: () => undefined,
    isReady: async () => true,
    isAlive: () => true,
    timeoutMs: () => 60_000,
    log: { debug: log, info: log, warn: log, error: log } satisfies Logger,
    metrics: undefined,
    tracer: undefined,
    corsOrigins: [],
    consoleSignIn: undefined,
    addressHeader: undefined,
    shutdownSignal: new AbortController().signal,
  });
  listener = await listen(app, { host: "127.0.0.1", port: 0, onError: (error) => expect.fail(error.message) });
});
afterAll(() => listener.drain(0));

/** Handlers that fail as a bug does: at once, or in the middle of a stream. */
function throwing({ methods }: DescService) {
  return Object.fromEntries(
    methods.map((method) => {
      const fail = (): Iterable<never> => {
        reached.add(method);
        throw Object.assign(new Error(`${CANARY}: select * from llm`, { cause: new TypeError(CANARY) }), {
          detail: CANARY,
        });
      };
      return [
        method.localName,
        method.methodKind === "unary"
          ? fail
          : async function* () {
              yield* fail();
            },
      ];
    }),
  );
}

describe("an exception in every handler", () => {
  it("B6 tells over REST, also of other APIs, the request id and nothing of itself", async () => {
    for (const { method, path, body } of operations(randomUUID())) {
      const hasBody = method !== "GET" && method !== "DELETE";
      const response = await fetch(`${listener.url}${path}`, {
        method,
        headers: { "content-type": "application/json" },
        ...(hasBody ? { body: JSON.stringify(body) } : {}),
      });
      const text = await response.text();
      // A body that is no correct request does not get as far; one that does fails.
      expect([path, text]).toEqual([path, expect.stringMatching(response.status < 500 ? /./ : TOLD)]);
      expect([path, text]).toEqual([path, expect.not.stringMatching(new RegExp(`${CANARY}|node_modules|\\.ts:`))]);
      expect([...response.headers.values()].join()).not.toContain(CANARY);
    }
    // Most are called correctly by the examples of the document.
    expect(reached.size).toBeGreaterThanOrEqual(20);
  });

  it.each(SURFACES)("B6 tells over $name the same", async ({ open }) => {
    const { patchbay, close } = open(listener.url, "none");
    const llmId = randomUUID();
    const problems = [
      await problemIn(patchbay.llms.getLlm({ llmId })),
      await problemIn(patchbay.llms.listLlms({})),
      await problemIn(patchbay.llms.deleteLlm({ llmId })),
      await problemIn(patchbay.llms.testLlm({ llmId })),
      await problemIn(patchbay.chat.chat({ llmId, message: "m" })),
      await problemIn(Array.fromAsync(patchbay.chat.streamChat({ llmId, message: "m" }))),
      await problemIn(Array.fromAsync(patchbay.pings.pingStream({ llmId }))),
      await problemIn(patchbay.audit.listAuditEvents({})),
    ];
    for (const problem of problems) {
      expect(problem).toMatchObject({ code: "Internal", reason: "INTERNAL_ERROR", metadata: {}, fields: [] });
      expect(problem.message).toMatch(TOLD);
    }
    expect(JSON.stringify(problems)).not.toContain(CANARY);
    close();
  });

  it("B6 has it in the log, under that id", () => {
    expect(logged.some((line) => line.includes(CANARY) && /"requestId":"[0-9a-f-]{36}"/.test(line))).toBe(true);
  });
});
