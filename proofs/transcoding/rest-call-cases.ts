/** Whole REST calls: each case brings its own rule, which a real server serves by one rpc. */
import { type DescMethod, fromJson, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { Code, createMethodImplSpec } from "@connectrpc/connect";
import { bindingsOf } from "../../server/wire/rest/binding.ts";
import { statusName } from "../../server/wire/rest/errors.ts";
import { choiceFor } from "./rest-call-choices.ts";
import { type Outcome, runCall } from "./rest-call-server.ts";
import { registryOfCall, streamOf } from "./rest-call-types.ts";
import { attempt, compare, type Verdict } from "./verdict.ts";

/** A rule, a request, and what both come to. Keys that begin with `upstream_` say what a peer does instead. */
export interface RestCallCase {
  readonly rule: JsonObject & { readonly body?: string; readonly response_body?: string };
  readonly message_shape: Readonly<Record<string, JsonValue>>;
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: JsonValue;
  readonly expect: ExpectedCall;
}

/** What a call comes to, as far as the case says. */
export interface ExpectedCall {
  readonly http_status?: number;
  readonly recommended_http_status?: number;
  readonly request?: JsonObject;
  readonly recommended_request?: JsonObject;
  readonly rpc_response?: JsonObject;
  readonly rpc_response_stream?: readonly JsonObject[];
  readonly response?: JsonValue;
  readonly raw_response?: string;
  readonly response_headers?: Readonly<Record<string, string>>;
  readonly upstream_lines?: readonly string[];
  readonly upstream_raw_response?: string;
  readonly error?: boolean;
  readonly rule_valid?: boolean;
  readonly template_valid?: boolean;
  readonly query_parameters_allowed?: boolean;
}

/** Runs a case of `rest_call`. */
export async function checkCall(given: RestCallCase): Promise<Verdict> {
  const { expect } = given;
  const registry = registryOfCall(given);
  const method = registry.getService("call.Service")?.methods[0];
  if (method === undefined) throw new Error("no rpc was built");
  const choice = choiceFor(given, method);
  const reasons = choice === undefined ? [] : [choice.reason];
  const isRefused = expect.rule_valid === false || expect.template_valid === false || choice?.kind === "refused rule";
  const bindings = attempt(() => bindingsOf(createMethodImplSpec(method, (() => ({})) as never)));
  if (isRefused || bindings instanceof Error) return compare(given, !isRefused, !(bindings instanceof Error), reasons);

  const outcome = await runCall(given, method, registry);
  if (choice !== undefined) {
    return compare(
      given,
      { status: 400, wasAsked: false },
      { status: outcome.status, wasAsked: !!outcome.asked },
      reasons,
    );
  }
  return streamOf(expect) === undefined ? compareAnswer(given, method, outcome) : compareStream(given, outcome);
}

/** The messages have to be a peer's; their framing is ours. */
function compareStream(given: RestCallCase, { headers, body }: Outcome): Verdict {
  const lines = body.split("\n").filter(Boolean);
  return compare(
    given,
    { messages: streamOf(given.expect), contentType: "application/x-ndjson" },
    { messages: lines.map((line) => JSON.parse(line)), contentType: headers["content-type"] },
    ["the messages of a stream are lines of their own: not an array that ends with it, and without a `result` around"],
  );
}

function compareAnswer(given: RestCallCase, method: DescMethod, { status, headers, body, asked }: Outcome): Verdict {
  const { expect } = given;
  const isRefused = expect.error === true || expect.query_parameters_allowed === false;
  const wantedStatus = expect.recommended_http_status ?? expect.http_status ?? (isRefused ? 400 : 200);
  const request = expect.recommended_request ?? expect.request;
  const [wantedBody, gotBody] = comparableBodies(expect, wantedStatus, body);
  const wantedHeaders = Object.entries(expect.response_headers ?? {}).map(([name, value]) => [
    name.toLowerCase(),
    value,
  ]);
  const expected = {
    status: wantedStatus,
    request: request && toJson(method.input, fromJson(method.input, request)),
    wasAsked: wantedStatus < 400 || isRpcToFail(expect),
    headers: wantedHeaders,
    body: wantedBody,
    forwarded: Object.values(given.headers ?? {}),
  };
  return compare(given, expected, {
    status,
    request: request && asked?.request,
    wasAsked: asked !== undefined,
    headers: wantedHeaders.map(([name = ""]) => [name, headers[name]]),
    body: gotBody,
    forwarded: Object.keys(given.headers ?? {}).map((name) => asked?.header.get(name)),
  });
}

/** Whether an error is the rpc's own, and not an answer to a request that it never sees. */
export function isRpcToFail({ http_status: status = 200, request, response_headers: headers }: ExpectedCall): boolean {
  return status >= 400 && (request !== undefined || headers !== undefined);
}

/** The bodies as values: JSON parsed, and errors as code and message, because ours are AIP-193's. */
function comparableBodies({ response, raw_response: raw }: ExpectedCall, status: number, body: string): unknown[] {
  if (status >= 400) {
    const wanted = (response ?? JSON.parse(raw ?? "{}")) as { code?: number; message?: string };
    const { error } = JSON.parse(body) as { error: { status: string; message: string } };
    const code = Object.values(Code).find((one) => typeof one === "number" && statusName(one) === error.status);
    return [wanted, { ...(wanted.code && { code }), ...(wanted.message && { message: error.message }) }];
  }
  if (response !== undefined) return [response, JSON.parse(body)];
  if (raw === undefined) return [];
  const values = [raw, body].map((text) => attempt(() => JSON.parse(text)));
  return values.some((value) => value instanceof Error) ? [raw, body] : values;
}
