import { randomUUID } from "node:crypto";
import { createPatchbay, type Patchbay } from "../../client/llm.ts";
import { ApiKey_Role } from "../../gen/patchbay/v1/api_key_pb.ts";
import { Llm_ProviderType } from "../../gen/patchbay/v1/llm_pb.ts";
import { apiKey, llmRequest } from "../../server/test/service/llm-requests.ts";
import { SURFACES } from "../../server/test/surfaces.ts";
import { refuses, says, sends } from "../../server/test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../server/test/upstream/scripted-upstream.ts";

/** The secrets of one run. */
export interface Secrets {
  /** The keys of Llms, two of which follow each other. */
  readonly llmKeys: readonly [first: string, second: string];
  /** A key that is sent in a form which is refused. */
  readonly refusedKey: string;
  readonly prompt: string;
  readonly reply: string;
  /** What an endpoint says in errors, beside the key that it repeats. */
  readonly upstreamWords: string;
  /** Of a field that is public, so that it is seen that a scan finds what there is. */
  readonly planted: string;
}

/** An endpoint that behaves in every way that could carry a secret on. */
export async function startEndpoint({ reply, upstreamWords, llmKeys, prompt }: Secrets): Promise<ScriptedUpstream> {
  const upstream = await ScriptedUpstream.start({ otherwise: says(reply.slice(0, 20), reply.slice(20)) });
  const words = `${upstreamWords}: ${llmKeys.join(" ")} may not say ${prompt}`;
  for (const status of [400, 401, 403, 404, 429, 500])
    upstream.setModel(`says-${status}`, refuses(status, { "x-key": words }, words));
  upstream.setModel("page", sends(`<html>${words}</html>`, { "content-type": "text/html", "set-cookie": words }, 502));
  upstream.setModel("redirects", sends(words, { location: `http://127.0.0.1/${encodeURIComponent(words)}` }, 302));
  upstream.setModel("no-json", sends(words, { "content-type": "application/json" }));
  upstream.setModel(
    "broken-stream",
    sends(`data: {"error": ${JSON.stringify(words)}}\n\ndata: ${words}\n\n`, { "content-type": "text/event-stream" }),
  );
  return upstream;
}

const MODELS = [
  ...["fine", "echo-key", "cut", "says-400", "says-401", "says-403", "says-404", "says-429", "says-500", "page"],
  ...["redirects", "no-json", "broken-stream"],
];

/** Everything that there is to do, over every protocol; answers with all that was answered. */
export async function useEverything(
  url: string,
  key: string,
  upstream: ScriptedUpstream,
  secrets: Secrets,
): Promise<string[]> {
  const answers: string[] = [];
  const note = async (call: Promise<unknown>) => void answers.push(textOf(await call.catch((error: unknown) => error)));
  for (const { open } of SURFACES) {
    const { patchbay, close } = open(url, key);
    await useLlms(patchbay, upstream, secrets, note);
    close();
  }
  const { patchbay, close } = SURFACES[0]?.open(url, `${key.slice(0, -1)}x`) ?? {};
  if (patchbay) await note(patchbay.llms.listLlms({}));
  close?.();
  for (const rest of restCalls(key, upstream, secrets)) await note(callRest(url, key, rest));
  return answers;
}

/** Has API keys made and rolled, and uses them; answers with the keys, which are shown this once. */
export async function issueKeys(url: string, key: string): Promise<string[]> {
  const { access } = createPatchbay({ url, apiKey: key });
  const made = await access.createApiKey({ displayName: "made", role: ApiKey_Role.ADMIN });
  const rolled = await access.rollApiKey({ apiKeyId: made.apiKey?.apiKeyId ?? "" });
  const keys = [made.key, rolled.key];
  for (const apiKey of keys) await createPatchbay({ url, apiKey }).access.listApiKeys({});
  return keys;
}

/** What is asked of a server when it has started again. */
export async function useAgain(url: string, key: string, { prompt }: Secrets): Promise<string[]> {
  const answers: string[] = [];
  for (const { open } of SURFACES) {
    const { patchbay, close } = open(url, key);
    const { llms } = await patchbay.llms.listLlms({ pageSize: 1_000 });
    const fine = llms.find(({ modelIdentifier }) => modelIdentifier === "fine");
    answers.push(textOf(llms), textOf(await patchbay.chat.chat({ llmId: fine?.llmId ?? "", message: prompt })));
    close();
  }
  return answers;
}

type Note = (call: Promise<unknown>) => Promise<void>;

async function useLlms(
  { llms, chat, pings, audit, providers, usage }: Patchbay,
  upstream: ScriptedUpstream,
  secrets: Secrets,
  note: Note,
) {
  const [first, second] = secrets.llmKeys;
  for (const [index, modelIdentifier] of MODELS.entries()) {
    const providerType = index % 2 === 0 ? Llm_ProviderType.OPENAI : Llm_ProviderType.ANTHROPIC;
    const endpointUrl = `${upstream.url}/${randomUUID()}`;
    const draft = llmRequest({
      providerType,
      endpointUrl,
      modelIdentifier,
      description: secrets.planted,
      credentials: apiKey(first),
    });
    const { llm } = await llms.createLlm({ ...draft, requestId: randomUUID() });
    const llmId = llm?.llmId ?? "";
    await note(llms.createLlm(draft));
    await note(llms.testLlm({ llmId }));
    await note(llms.listLlmModels({ llmId }));
    await note(llms.testConnection({ llmId, endpointUrl: `${upstream.url}/moved` }));
    await note(llms.testConnection({ ...{ providerType, endpointUrl, modelIdentifier }, credentials: apiKey(second) }));
    await note(chat.chat({ llmId, message: secrets.prompt }));
    await note(Array.fromAsync(chat.streamChat({ llmId, message: secrets.prompt })));
    await note(llms.updateLlm({ llmId, credentials: apiKey(second), displayName: "changed" }));
    await note(pings.pingOnce({ llmId }));
    await note(llms.addPendingCredentials({ llmId, credentials: apiKey(first) }));
    await note(llms.promoteCredentials({ llmId }));
    await note(llms.getLlm({ llmId }));
    await note(llms.updateLlm({ llmId, credentials: apiKey(`${secrets.refusedKey}\r\n`) }));
    await note(llms.createLlm(llmRequest({ displayName: "\0", credentials: apiKey(first) })));
    if (modelIdentifier !== "fine") await note(llms.deleteLlm({ llmId }));
  }
  await note(llms.createLlm(llmRequest({ endpointUrl: "http://127.0.0.1:1", credentials: apiKey(first) })));
  const name = `vendor-${randomUUID()}`;
  const vendor = { name, providerType: Llm_ProviderType.OPENAI, endpointUrl: `${upstream.url}/${name}` };
  await note(providers.upsertProvider({ ...vendor, credentials: apiKey(first) }));
  await note(providers.testProvider({ name: name }));
  await note(providers.listProviders({}));
  await note(usage.queryUsage({}));
  await note(llms.listLlms({ pageSize: 1_000 }));
  await note(audit.listAuditEvents({ pageSize: 1_000 }));
  await note(Array.fromAsync(audit.exportAuditEvents({})));
}

interface RestCall {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
}

/** What no typed client sends, and the faces of other APIs. */
function restCalls(
  key: string,
  { url }: ScriptedUpstream,
  { llmKeys: [first, second], refusedKey, prompt }: Secrets,
): RestCall[] {
  const query = encodeURIComponent(refusedKey);
  const misspelt = {
    displayName: "x",
    providerType: "VLLM",
    endpointUrl: url,
    modelIdentifier: "m",
    credentials: { apikey: refusedKey },
  };
  const provider = { name: "x", provider: "custom", apiKey: first, model: "fine", baseUrl: `${url}/dialect` };
  const integration = {
    integration_name: "x",
    provider: "custom",
    api_key: second,
    model_name: "fine",
    base_url: `${url}/d`,
  };
  return [
    { method: "GET", path: `/v1/llms?api_key=${key}&prompt=${encodeURIComponent(prompt)}` },
    { method: "GET", path: `/${query}?key=${query}` },
    { method: "POST", path: "/v1/llms", body: misspelt },
    { method: "POST", path: "/v1/llms", body: { ...misspelt, credentials: refusedKey } },
    {
      method: "POST",
      path: "/v1/llms",
      body: { ...misspelt, credentials: undefined, endpointUrl: `https://${query}@a.example.com` },
    },
    { method: "POST", path: "/v1/llms:chat", body: { message: prompt, messages: [], unknown: prompt } },
    { method: "POST", path: "/llm-providers", body: provider },
    { method: "GET", path: "/llm-providers" },
    { method: "POST", path: "/v1/llm-providers/config", body: integration },
    { method: "GET", path: "/v1/llm-providers/config" },
    {
      method: "POST",
      path: "/v1/llm-providers/test-connection",
      body: { ...integration, integration_name: undefined },
    },
    ...["/metrics", "/healthz", "/readyz", "/openapi.json", "/docs"].map((path) => ({ method: "GET", path })),
  ];
}

async function callRest(url: string, key: string, { method, path, body }: RestCall): Promise<string> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return `${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`;
}

/** All of a value, errors with their stacks, causes and details too. */
function textOf(value: unknown): string {
  if (value instanceof Error) return `${value.stack} ${textOf({ ...value, cause: value.cause })}`;
  return JSON.stringify(value, (_, inner) => {
    if (typeof inner === "bigint") return String(inner);
    return inner instanceof Uint8Array ? Buffer.from(inner).toString("latin1") : inner;
  });
}
