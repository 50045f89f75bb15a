import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { saysSlowly } from "../upstream/behaviours.ts";
import { readContract } from "./contract.ts";
import { describeUnless, findProgram, runWell } from "./program.ts";
import { type Rig, startRig } from "./rig.ts";

const curl = findProgram("curl");
const missing = curl ? undefined : "the tests with curl, which is not on PATH (apt-get install curl)";
const isHttp2Missing = curl && !execFileSync(curl, ["--version"], { encoding: "utf8" }).includes("HTTP2");
const missingHttp2 = missing ?? (isHttp2Missing ? "the tests with curl over HTTP/2, which this curl lacks" : undefined);

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.stop());

/** What came over the wire. */
interface Answer {
  readonly version: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

function readAnswer(output: string): Answer {
  const [, version = "", status, lines = "", text = ""] =
    /^HTTP\/(\S+) (\d+)[^\n]*\r\n(.*?)\r\n\r\n(.*)$/s.exec(output) ?? [];
  const headers = new Headers(lines.split("\r\n").map((line) => line.split(": ", 2) as [string, string]));
  return { version, status: Number(status), headers, text };
}

/** What a person types who knows the address and the key. */
function args(path: string, ...more: string[]): string[] {
  const authorization = `Authorization: Bearer ${rig.apiKey}`;
  return ["-sS", "--include", "-H", authorization, rig.server.url + path, ...more];
}

function body(value: object): string[] {
  return ["-H", "Content-Type: application/json", "-d", JSON.stringify(value)];
}

function llmRequest(modelIdentifier = `model-${randomUUID()}`) {
  return { displayName: "From curl", providerType: "VLLM", endpointUrl: rig.endpointUrl, modelIdentifier };
}

async function call(flag: string, path: string, ...more: string[]) {
  const answer = readAnswer(await runWell("curl", [flag, ...args(path, ...more)]));
  return { ...answer, json: JSON.parse(answer.text) };
}

/** The id of a new Llm; its key makes that its connection is like no other. */
async function createLlm(modelIdentifier?: string): Promise<string> {
  const request = { ...llmRequest(modelIdentifier), credentials: { apiKey: { inlineSecret: randomUUID() } } };
  const { json } = await call("--http1.1", "/v1/llms", ...body(request));
  return json.llm.llmId;
}

/** The path of streamed chats of a new Llm. */
async function chatPath(modelIdentifier: string): Promise<string> {
  return `/v1/llms/${await createLlm(modelIdentifier)}:streamChat`;
}

function modelThat(behaviour: Parameters<Rig["upstream"]["setModel"]>[1]): string {
  const model = `model-${randomUUID()}`;
  rig.upstream.setModel(model, behaviour);
  return model;
}

describeUnless(missing)("curl with the line of contract 003", () => {
  const contract = readContract();
  /** What an Llm has only if it was said: the sampling that is left to the provider, and its own configuration. */
  const UNSAID = ["topK", "frequencyPenalty", "presencePenalty", "clientConfig"];

  /** Runs the line in a shell, for this server and with a key. */
  async function runLine() {
    const line = contract.line
      .replace("http://localhost:8080", rig.server.url)
      .replace("curl", `curl -sS --include -H 'Authorization: Bearer ${rig.apiKey}'`);
    const answer = readAnswer(await runWell("/bin/sh", ["-c", line]));
    return { ...answer, json: JSON.parse(answer.text) };
  }

  it("creates the Llm, and shows each field that the page shows, as proper JSON; again is a conflict", async () => {
    const created = await runLine();
    expect(created.status).toBe(200);
    expect(missingIn(created.json, contract.answer)).toEqual(UNSAID);
    expect(created.json).toEqual({
      llm: expect.objectContaining({
        llmId: expect.stringMatching(UUID),
        displayName: "GPT-4 Turbo",
        description: "OpenAI's GPT-4 Turbo model for chat completions",
        providerType: "OPENAI",
        endpointUrl: "https://api.openai.com/v1",
        apiPath: "/chat/completions",
        modelIdentifier: "gpt-4-turbo-preview",
        supportedModalities: ["TEXT"],
        labels: { environment: "production", team: "ai" },
        version: "",
        monitoringEndpoint: "",
        capabilities: CAPABILITIES,
        defaultSamplingParams: { maxTokens: 2048, temperature: 0.7, topP: 0.9, stopSequences: [] },
        maxContextLength: 32768,
        ownerId: rig.accountId,
        createdAt: expect.stringMatching(MILLISECONDS),
        updatedAt: expect.stringMatching(MILLISECONDS),
        createdById: rig.accountId,
        updatedById: rig.accountId,
      }),
      statuses: [
        { code: "MODEL_RETIRED", message: expect.any(String) },
        { code: "CREDENTIALS_HINT", message: expect.any(String) },
      ],
    });
    expect(created.text).not.toContain("sk-your-api-key-here");

    const again = await runLine();
    expect(again).toMatchObject({ status: 409, json: { error: { code: 409, status: "ALREADY_EXISTS" } } });
    expect(again.json.error.details).toContainEqual(
      expect.objectContaining({ metadata: { llmId: created.json.llm.llmId, sameRequest: "true" } }),
    );
  });

  it("shows all of the page's fields of an Llm that was created with all of them", async () => {
    const all = {
      ...llmRequest(),
      capabilities: CAPABILITIES,
      maxContextLength: 32768,
      version: "1.0.0",
      monitoringEndpoint: "https://monitoring.example.com/llms/status",
      defaultSamplingParams: {
        maxTokens: 2048,
        temperature: 0.7,
        topP: 0.9,
        topK: 50,
        frequencyPenalty: 0,
        presencePenalty: 0,
        stopSequences: ["\n\n", "END"],
      },
      clientConfig: { property1: {}, property2: {} },
    };
    const { json } = await call("--http1.1", "/v1/llms", ...body(all));
    expect(missingIn(json, contract.answer)).toEqual([]);
    expect(json.llm).toMatchObject(all);
  });
});

const CAPABILITIES = {
  supportsChat: true,
  supportsCompletion: true,
  supportsFunctionCalling: true,
  supportsSystemMessages: true,
  supportsStreaming: true,
  supportsSamplingParameters: true,
};
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MILLISECONDS = /^\d{13}$/;

/** The names of the fields, however deep, that an answer lacks. */
// biome-ignore lint/suspicious/noExplicitAny: whatever JSON came.
function missingIn(answer: any, documented: Record<string, any>): string[] {
  return Object.entries(documented).flatMap(([name, value]) => {
    if (answer?.[name] === undefined) return [name];
    return typeof value === "object" && !Array.isArray(value) ? missingIn(answer[name], value) : [];
  });
}

for (const { name, flag, version, missing: reason } of [
  { name: "HTTP/1.1", flag: "--http1.1", version: "1.1", missing },
  { name: "HTTP/2", flag: "--http2-prior-knowledge", version: "2", missing: missingHttp2 },
]) {
  describeUnless(reason)(`curl over ${name}`, () => {
    it("creates, gets, lists, changes and deletes", async () => {
      const request = llmRequest();
      const created = await call(flag, "/v1/llms", ...body(request));
      expect(created).toMatchObject({ status: 200, version, json: { llm: request } });
      expect(created.headers.get("content-type")).toBe("application/json");

      const path = `/v1/llms/${created.json.llm.llmId}`;
      const list = `/v1/llms?search=${request.modelIdentifier}&page_size=1`;
      const page = { llms: [request], nextPageToken: "" };
      const change = ["-X", "PATCH", ...body({ description: "new" })];
      expect(await call(flag, path)).toMatchObject({ status: 200, version, json: request });
      expect(await call(flag, list)).toMatchObject({ status: 200, version, json: page });
      expect(await call(flag, path, ...change)).toMatchObject({ status: 200, json: { description: "new" } });
      expect(await call(flag, path, "-X", "DELETE")).toMatchObject({ status: 200, json: {} });
      expect(await call(flag, path)).toMatchObject({ status: 404, json: { error: { status: "NOT_FOUND" } } });
    });

    it.each([
      { name: "a field", more: body({ displayName: "" }), status: 400, code: "INVALID_ARGUMENT" },
      { name: "the JSON", more: [...body({}), "-d", "{"], status: 400, code: "INVALID_ARGUMENT" },
      { name: "the content type", more: ["-d", "{}"], status: 415, code: "INVALID_ARGUMENT" },
      { name: "the method", more: ["-X", "PURGE"], status: 405, code: "UNIMPLEMENTED" },
    ])("says what is wrong with $name", async ({ more, status, code }) => {
      const answer = await call(flag, "/v1/llms", ...more);
      expect(answer).toMatchObject({ status, version, json: { error: { code: status, status: code } } });
    });

    it("gets each answer that comes before its body has", async () => {
      for (let count = 0; count < 40; count++) {
        expect((await call(flag, "/v1/llms", "-d", "{}")).status).toBe(415);
      }
    });

    it("asks for a key", async () => {
      const answer = readAnswer(await runWell("curl", [flag, "-sS", "--include", `${rig.server.url}/v1/llms`]));
      expect(answer).toMatchObject({ status: 401, version });
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 401, status: "UNAUTHENTICATED" } });
    });

    it("tells the id of a call that succeeded and of one that failed, which the log has", async () => {
      const llmId = await createLlm();
      const answers = [await call(flag, `/v1/llms/${llmId}`), await call(flag, `/v1/llms/${randomUUID()}`)];
      const ids = answers.map(({ headers }) => headers.get("x-request-id"));
      expect(ids).toEqual([expect.stringMatching(UUID), expect.stringMatching(UUID)]);
      expect(rig.server.log.map(({ facts }) => facts.requestId)).toEqual(expect.arrayContaining(ids));
    });

    it.each([
      { name: "lines of JSON", more: [], type: "application/x-ndjson", read: readLines, end: [] },
      {
        name: "server-sent events",
        more: ["-H", "Accept: text/event-stream"],
        type: "text/event-stream",
        read: readEvents,
        end: [{ event: "end", data: {} }],
      },
    ])("streams a chat as $name, word by word", async ({ more, type, read, end }) => {
      const path = await chatPath(modelThat(saysSlowly(60, "one ", "two ", "three")));
      const times: number[] = [];
      const onOutput = (text: string) => {
        if (text.includes("textDelta")) times.push(performance.now());
      };
      const chat = [flag, "-N", ...args(path, ...body({ message: "Hi" }), ...more)];
      const answer = readAnswer(await runWell("curl", chat, { onOutput }));

      expect(answer).toMatchObject({ status: 200, version });
      expect(answer.headers.get("content-type")).toBe(type);
      expect(read(answer.text)).toMatchObject([
        { data: { start: {} } },
        { data: { textDelta: "one " } },
        { data: { textDelta: "two " } },
        { data: { textDelta: "three" } },
        { data: { end: { stopReason: "STOP_REASON_END", usage: { outputTokens: "3" } } } },
        ...end,
      ]);
      expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(60);
    });

    it("refuses a chat by its status when the first word fails, and in the stream when a later one does", async () => {
      const busy = await call(flag, await chatPath("busy"), ...body({ message: "Hi" }));
      expect(busy).toMatchObject({ status: 429, json: { error: { status: "RESOURCE_EXHAUSTED" } } });
      expect(busy.headers.get("retry-after")).toBe("7");

      const cut = readAnswer(await runWell("curl", [flag, ...args(await chatPath("cut"), ...body({ message: "Hi" }))]));
      expect(cut.status).toBe(200);
      expect(readLines(cut.text).at(-1)).toMatchObject({ data: { error: { code: 503, status: "UNAVAILABLE" } } });
    });

    it("closes the upstream within 1 s when curl is ended in the middle of a stream", async () => {
      const path = await chatPath("stalling");
      const index = rig.upstream.requests.length;
      const curl = spawn("curl", [flag, "-N", ...args(path, ...body({ message: "Hi" }))]);
      for await (const text of curl.stdout) if (`${text}`.includes("textDelta")) curl.kill();
      const leftAt = Date.now();
      const call = await rig.upstream.whenRequested(index);
      await Promise.race([call.closed, setTimeout(3_000)]);
      expect((call.closedAt ?? Number.POSITIVE_INFINITY) - leftAt).toBeLessThan(1_000);
    });
  });
}

/** A message of a stream, with its name where the framing gives it one. */
interface Frame {
  readonly event?: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON came.
  readonly data: any;
}

function readLines(text: string): Frame[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => ({ data: JSON.parse(line) }));
}

function readEvents(text: string): Frame[] {
  return text
    .trimEnd()
    .split("\n\n")
    .map((block) => {
      const [, event, data = ""] = /^(?:event: (\w+)\n)?data: (.*)$/.exec(block) ?? [];
      return { ...(event && { event }), data: JSON.parse(data) };
    });
}
