import { closedLoop, waves } from "../load/loops.ts";
import type { Finding } from "../measure/finding.ts";
import { printResults } from "../measure/print.ts";
import { measure, type Plan, type Results } from "../measure/rounds.ts";
import type { Stage } from "../stage/stage.ts";
import {
  type Chatting,
  CONNECT,
  chatContenders,
  DIRECT,
  FACE,
  GRPC,
  LITELLM,
  PORTKEY,
  REST,
} from "./chat-contenders.ts";
import type { Row } from "./row.ts";

const MANY = 64;
/** As in performance.md, whose figures for bursts these are to be compared with. */
const BURSTS = 16;

/** A whole reply through us, through Portkey's gateway and without either. */
export const chat: Row = {
  name: "chat",
  what: "chat, not streamed",
  async run(stage, plan) {
    const results = await measureChats(stage, plan, {
      model: "brief",
      stream: false,
      connections: MANY,
      loop: (call, ms) => closedLoop(call, MANY, ms),
    });
    printResults(`chat, not streamed, ${MANY} in flight`, results);
    return [
      ...[REST, CONNECT, GRPC, FACE].flatMap((name) => [
        cpu(`chat, not streamed, ${name}`, name, 0.2)(results),
        withDatabase(`chat, not streamed, ${name}`, name, 0.25)(results),
      ]),
      ...ofLiteLlm("chat, not streamed", results),
    ];
  },
};

/** Streamed replies, in bursts and at a model's pace, and when their first token comes. */
export const stream: Row = {
  name: "stream",
  what: "chat streamed; first token added, 64 streams",
  async run(stage, plan) {
    const bursts = await measureChats(stage, plan, {
      model: "burst",
      stream: true,
      connections: BURSTS,
      loop: (call, ms) => closedLoop(call, BURSTS, ms),
    });
    printResults(`chat streamed, bursts of 100 chunks, ${BURSTS} in flight`, bursts);
    const paced = await measureChats(stage, plan, {
      model: "paced",
      stream: true,
      connections: MANY,
      loop: (call, ms) => waves(call, MANY, ms),
    });
    printResults(`chat streamed, 50 chunks at 20 ms, ${MANY} streams begun at once`, paced);
    return [
      cpu(`chat streamed, 50 paced × ${MANY}, REST`, REST, 0.6)(paced),
      cpu(`chat streamed, 50 paced × ${MANY}, gRPC`, GRPC, 0.6)(paced),
      cpu("chat streamed, burst of 100, OpenAI's API", FACE, 0.3)(bursts),
      ...[REST, GRPC].flatMap((name) => [
        cpu(`chat streamed, burst of 100, ${name}`, name, 0.35)(bursts),
        withDatabase(`chat streamed, burst of 100, ${name}`, name, 0.45)(bursts),
      ]),
      first(`first token added, ${MANY} streams, OpenAI's API`, FACE, 4)(paced),
      first(`first token added, ${MANY} streams, REST`, REST, 4)(paced),
      first(`first token added, ${MANY} streams, gRPC`, GRPC, 4)(paced),
      ...ofLiteLlm("chat streamed, burst of 100", bursts),
    ];
  },
};

/** When the first token of a single stream comes. */
export const firstToken: Row = {
  name: "first-token",
  what: "first token added, one stream",
  async run(stage, plan) {
    const results = await measureChats(stage, plan, {
      model: "brief",
      stream: true,
      connections: 1,
      loop: (call, ms) => closedLoop(call, 1, ms),
    });
    printResults("chat streamed, 8 chunks, one stream after the other", results);
    return [
      first("first token added, one stream, OpenAI's API", FACE, 0.5)(results),
      first("first token added, one stream, REST", REST, 0.5)(results),
      first("first token added, one stream, gRPC", GRPC, 0.5)(results),
    ];
  },
};

/** Chats of a small team, which mostly come alone: a server that has slept is slower. */
export const alone: Row = {
  name: "alone",
  what: "chats one at a time, and eight",
  async run(stage, plan) {
    const findings: Finding[] = [];
    for (const [inFlight, server, database] of [
      [1, 570, 365],
      [8, 195, 90],
    ] as const) {
      const results = await measureChats(stage, plan, {
        model: "brief",
        stream: false,
        connections: inFlight,
        loop: (call, ms) => closedLoop(call, inFlight, ms),
      });
      printResults(`chat, not streamed, ${inFlight} in flight`, results);
      const what = `chat, ${inFlight} at a time, REST`;
      const half = "half of commit b67f224's on a quiet machine";
      findings.push(
        cpu(what, REST, 0.5)(results),
        { what, against: half, target: server, figure: results.figure(REST, "cpuUs"), unit: " µs" },
        {
          what: `${what}, PostgreSQL`,
          against: half,
          target: database,
          figure: results.figure(REST, "databaseUs"),
          unit: " µs",
        },
      );
    }
    return findings;
  },
};

async function measureChats(stage: Stage, plan: Plan, chatting: Chatting): Promise<Results> {
  const { contenders, close } = await chatContenders(stage, chatting);
  try {
    return await measure(contenders, plan);
  } finally {
    await close();
  }
}

type Judge = (results: Results) => Finding;

function cpu(what: string, name: string, target: number): Judge {
  return (results) => {
    const figure = results.ratio(name, PORTKEY, "cpuUs");
    return { what, against: "Portkey, CPU", target, figure, unit: "" };
  };
}

function withDatabase(what: string, name: string, target: number): Judge {
  return (results) => {
    const figure = results.ratio(name, PORTKEY, "bothUs");
    return { what: `${what}, with PostgreSQL`, against: "Portkey, CPU", target, figure, unit: "" };
  };
}

/** A fortieth of LiteLLM is what was claimed. */
function ofLiteLlm(what: string, results: Results): Finding[] {
  if (!results.names.includes(LITELLM)) return [];
  const figure = results.ratio(REST, LITELLM, "bothUs");
  return [{ what: `${what}, REST, with PostgreSQL`, against: "LiteLLM, CPU", target: 0.05, figure, unit: "" }];
}

function first(what: string, name: string, target: number): Judge {
  return (results) => {
    const portkey = results.added(PORTKEY, DIRECT, "firstMs").median.toFixed(1);
    const figure = results.added(name, DIRECT, "firstMs");
    return { what, against: `direct; Portkey adds ${portkey} ms`, target, figure, unit: " ms" };
  };
}
