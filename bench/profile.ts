/**
 * Where our CPU time goes: `node bench/profile.ts NAME` loads a warm server with one kind of call, prints what costs most
 * and leaves a .cpuprofile for the DevTools or for https://www.speedscope.app.
 */
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GrpcClient } from "./load/grpc.ts";
import { HttpClient } from "./load/http1.ts";
import { type Call, closedLoop } from "./load/loops.ts";
import { pinOurselves } from "./measure/pinning.ts";
import { printTable } from "./measure/print.ts";
import type { Model } from "./peers/replies.ts";
import { type CpuProfile, summarise } from "./profile/summary.ts";
import { createLlmRequest } from "./rows/create-llm.ts";
import { chatConnect, chatGrpc, chatOpenAi, chatRest, getLlmConnect, getLlmGrpc, getLlmRest } from "./rows/requests.ts";
import type { PatchbayServer } from "./stage/patchbay.ts";
import { Stage } from "./stage/stage.ts";

/** After so many calls V8 has compiled what it will, however long a busy machine takes for them. */
const WARM_CALLS = 12_000;
/** Of those that take as long as a model: each of their fifty pieces comes the same way. */
const WARM_PACED_CALLS = 640;
const WARM_UP_MS = 2_000;
const RECORD_MS = 10_000;
const LINES = 30;

/** Makes the call that is profiled. */
type Kind = (patchbay: PatchbayServer, http: HttpClient, channel: GrpcClient) => Call | Promise<Call>;

const rest = (build: (name: string, patchbay: PatchbayServer) => Parameters<HttpClient["call"]>[0]): Kind => {
  return (patchbay, http) => {
    const request = build("the call", patchbay);
    return () => http.call(request);
  };
};
const grpc = (build: (name: string, patchbay: PatchbayServer) => Parameters<GrpcClient["call"]>[0]): Kind => {
  return (patchbay, _, channel) => {
    const request = build("the call", patchbay);
    return () => channel.call(request);
  };
};

/** A call of OpenAI's API, passed through. */
function chatFace(name: string, model: Model, stream: boolean, { authorization }: PatchbayServer) {
  return chatOpenAi(name, model, stream, { authorization });
}

/** A page of 50 Llms over REST. */
const listLlms: Kind = async (patchbay, http) => {
  const create = createLlmRequest(patchbay);
  for (let count = 0; count < 50; count++) await http.call(create);
  const headers = { authorization: patchbay.authorization };
  const expects = { contains: ["nextPageToken"] };
  return () => http.call({ name: "the call", method: "GET", path: "/v1/llms?pageSize=50", headers, expects });
};

interface Profiled {
  readonly inFlight: number;
  readonly kind: Kind;
  readonly warmCalls?: number;
}

/** Streams at a model's pace, which wait most of the time. */
const paced = (kind: Kind): Profiled => ({ inFlight: 64, kind, warmCalls: WARM_PACED_CALLS });

const KINDS: Readonly<Record<string, Profiled>> = {
  "get-llm-rest": { inFlight: 16, kind: rest(getLlmRest) },
  "get-llm-connect": { inFlight: 16, kind: rest(getLlmConnect) },
  "get-llm-grpc": { inFlight: 16, kind: grpc(getLlmGrpc) },
  "chat-rest": { inFlight: 64, kind: rest((name, patchbay) => chatRest(name, "brief", false, patchbay)) },
  "chat-connect": { inFlight: 64, kind: rest((name, patchbay) => chatConnect(name, "brief", patchbay)) },
  "chat-grpc": { inFlight: 64, kind: grpc((name, patchbay) => chatGrpc(name, "brief", false, patchbay)) },
  "stream-burst-rest": { inFlight: 16, kind: rest((name, patchbay) => chatRest(name, "burst", true, patchbay)) },
  "stream-burst-grpc": { inFlight: 16, kind: grpc((name, patchbay) => chatGrpc(name, "burst", true, patchbay)) },
  "chat-openai": { inFlight: 64, kind: rest((name, patchbay) => chatFace(name, "brief", false, patchbay)) },
  "stream-burst-openai": { inFlight: 16, kind: rest((name, patchbay) => chatFace(name, "burst", true, patchbay)) },
  "stream-paced-rest": paced(rest((name, patchbay) => chatRest(name, "paced", true, patchbay))),
  "stream-paced-grpc": paced(grpc((name, patchbay) => chatGrpc(name, "paced", true, patchbay))),
  "stream-paced-openai": paced(rest((name, patchbay) => chatFace(name, "paced", true, patchbay))),
  "list-llms-rest": { inFlight: 16, kind: listLlms },
  "create-llm": { inFlight: 1, kind: rest((_, patchbay) => createLlmRequest(patchbay)) },
};

const [name = ""] = process.argv.slice(2);
const asked = KINDS[name];
if (!asked) {
  process.stderr.write(`node bench/profile.ts ${Object.keys(KINDS).join(" | ")}\n`);
  process.exit(1);
}

pinOurselves();
const file = join(tmpdir(), `patchbay-${name}.cpuprofile`);
const stage = new Stage();
try {
  const recorder = join(import.meta.dirname, "profile/record.ts");
  const { process: server, furnish } = await stage.startPatchbay({
    nodeArgs: ["--import", recorder],
    env: { BENCH_PROFILE: file },
  });
  const patchbay = await furnish();
  const http = new HttpClient(patchbay.url, asked.inFlight);
  const channel = new GrpcClient(patchbay.url);
  const call = await asked.kind(patchbay, http, channel);
  const { inFlight, warmCalls = WARM_CALLS } = asked;
  for (let calls = 0; calls < warmCalls; ) calls += (await closedLoop(call, inFlight, WARM_UP_MS)).length;
  process.kill(server.pid, "SIGUSR2");
  const timings = await closedLoop(call, inFlight, RECORD_MS);
  process.kill(server.pid, "SIGUSR2");
  await server.until(() => server.output.includes("profile written"));
  await http.close();
  channel.close();
  print(timings.length);
} finally {
  await stage.close();
}

function print(calls: number): void {
  const { places, self, inclusive } = summarise(JSON.parse(readFileSync(file, "utf8")) as CpuProfile);
  console.log(`${name}: ${calls} calls; the profile is ${file}`);
  for (const [title, shares] of Object.entries({ "by place": places, self, "with what it calls": inclusive })) {
    console.log(`\n${title}`);
    printTable(shares.slice(0, LINES).map(({ name, share }) => [name, `${(share * 100).toFixed(1)} %`]));
  }
}
