import { setTimeout as pause } from "node:timers/promises";
import type { DescService, FileRegistry, Message } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import {
  type Code,
  ConnectError,
  type ConnectRouter,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";

/** The words of connectrpc.conformance.v1; their descriptors come with the suite, and so there are no types of them. */
interface Header {
  readonly name: string;
  readonly value: readonly string[];
}
interface SuiteError {
  readonly code: Code;
  readonly message?: string;
  readonly details: readonly Any[];
}
interface Definition {
  readonly responseHeaders: readonly Header[];
  readonly responseTrailers: readonly Header[];
  readonly responseDelayMs: number;
}
interface UnaryDefinition extends Definition {
  readonly response:
    | { readonly case: "responseData"; readonly value: Uint8Array }
    | { readonly case: "error"; readonly value: SuiteError }
    | { readonly case: undefined };
}
interface StreamDefinition extends Definition {
  readonly responseData: readonly Uint8Array[];
  readonly error?: SuiteError;
}
type UnaryAsk = Message & { readonly responseDefinition?: UnaryDefinition };
type StreamAsk = Message & { readonly responseDefinition?: StreamDefinition; readonly fullDuplex?: boolean };

/** Serves what the suite asks for: each request says how it is to be answered, and hears what came of it on the way. */
export function conformanceRoutes(registry: FileRegistry): (router: ConnectRouter) => void {
  const service = registry.getService("connectrpc.conformance.v1.ConformanceService") as DescService;
  const infoType = registry.getMessage("connectrpc.conformance.v1.ConformancePayload.RequestInfo");
  if (!infoType) throw new Error("the suite has no RequestInfo");

  const pack = (message: Message): Any => {
    const type = registry.getMessage(message.$typeName);
    if (!type) throw new Error(`the suite has no ${message.$typeName}`);
    return anyPack(type, message);
  };
  const infoOf = (context: HandlerContext, requests: readonly Message[]) => {
    const timeoutMs = context.timeoutMs();
    const params = [...new URL(context.url).searchParams].map(([name, value]) => ({ name, value: [value] }));
    return {
      requestHeaders: [...context.requestHeader].map(([name, value]) => ({ name, value: [value] })),
      ...(timeoutMs === undefined ? {} : { timeoutMs: BigInt(Math.round(timeoutMs)) }),
      requests: requests.map(pack),
      ...(context.requestMethod === "GET" ? { connectGetInfo: { queryParams: params } } : {}),
    };
  };
  const errorOf = ({ code, message, details }: SuiteError, info?: object) =>
    new ConnectError(message ?? "", code, undefined, [
      ...details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value })),
      ...(info ? [{ desc: infoType, value: info }] : []),
    ] as never);

  const answerOne = async (context: HandlerContext, requests: readonly UnaryAsk[]) => {
    const definition = requests[0]?.responseDefinition;
    const info = infoOf(context, requests);
    setHeaders(context, definition);
    if (definition?.responseDelayMs) await pause(definition.responseDelayMs);
    const { response } = definition ?? {};
    if (response?.case === "error") throw errorOf(response.value, info);
    return { payload: { requestInfo: info, data: response?.case ? response.value : new Uint8Array(0) } };
  };

  /** The rest of a stream of answers; who was told nothing yet hears it with the error. */
  async function* answerMany(
    context: HandlerContext,
    definition: StreamDefinition | undefined,
    data: readonly Uint8Array[],
    requests: readonly Message[],
    sent = 0,
  ) {
    let info: object | undefined = infoOf(context, requests);
    for (const one of data) {
      if (definition?.responseDelayMs) await pause(definition.responseDelayMs);
      yield { payload: { data: one, ...(info && sent === 0 ? { requestInfo: info } : {}) } };
      info = undefined;
      sent++;
    }
    if (definition?.error) throw errorOf(definition.error, sent === 0 ? infoOf(context, requests) : undefined);
  }

  async function* bidi(incoming: AsyncIterable<StreamAsk>, context: HandlerContext) {
    const requests: StreamAsk[] = [];
    let definition: StreamDefinition | undefined;
    let sent = 0;
    let isFullDuplex = false;
    for await (const request of incoming) {
      if (requests.length === 0 && sent === 0) {
        definition = request.responseDefinition;
        isFullDuplex = request.fullDuplex ?? false;
        setHeaders(context, definition);
      }
      requests.push(request);
      if (!isFullDuplex) continue;
      const data = definition?.responseData[sent];
      if (!data) break;
      if (definition?.responseDelayMs) await pause(definition.responseDelayMs);
      const said = sent === 0 ? infoOf(context, requests) : { requests: requests.map(pack) };
      yield { payload: { data, requestInfo: said } };
      sent++;
      requests.length = 0;
    }
    yield* answerMany(context, definition, definition?.responseData.slice(sent) ?? [], requests, sent);
  }

  const implementation = {
    unary: (request: UnaryAsk, context: HandlerContext) => answerOne(context, [request]),
    idempotentUnary: (request: UnaryAsk, context: HandlerContext) => answerOne(context, [request]),
    async clientStream(incoming: AsyncIterable<UnaryAsk>, context: HandlerContext) {
      return answerOne(context, await Array.fromAsync(incoming));
    },
    async *serverStream(request: StreamAsk, context: HandlerContext) {
      const definition = request.responseDefinition;
      setHeaders(context, definition);
      yield* answerMany(context, definition, definition?.responseData ?? [], [request]);
    },
    bidiStream: bidi,
  };
  return (router) => router.service(service, implementation as unknown as Partial<ServiceImpl<DescService>>);
}

function setHeaders(context: HandlerContext, definition: Definition | undefined): void {
  for (const { name, value } of definition?.responseHeaders ?? []) {
    for (const one of value) context.responseHeader.append(name, one);
  }
  for (const { name, value } of definition?.responseTrailers ?? []) {
    for (const one of value) context.responseTrailer.append(name, one);
  }
}
