import { type Client, Code, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "../gen/google/rpc/error_details_pb.ts";
import { AccessService } from "../gen/patchbay/v1/access_service_pb.ts";
import { AuditService } from "../gen/patchbay/v1/audit_service_pb.ts";
import { BudgetService } from "../gen/patchbay/v1/budget_service_pb.ts";
import { ChatService } from "../gen/patchbay/v1/chat_service_pb.ts";
import { LlmService } from "../gen/patchbay/v1/llm_service_pb.ts";
import { PingService } from "../gen/patchbay/v1/ping_service_pb.ts";
import { ProviderService } from "../gen/patchbay/v1/provider_service_pb.ts";
import { RouteService } from "../gen/patchbay/v1/route_service_pb.ts";
import { UsageService } from "../gen/patchbay/v1/usage_service_pb.ts";

/** How to reach a Patchbay server. */
export interface PatchbayOptions {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** `pb_…`, or a token of the issuer that the server's operator named. */
  readonly apiKey: string;
  /** How long a call may take unless it says otherwise. Default: no limit of the client's. */
  readonly timeoutMs?: number;
  /**
   * Makes the transport, from @connectrpc/connect-node for instance, to speak gRPC. Default: Connect by fetch, which
   * works in Node and in browsers.
   */
  readonly transport?: (options: TransportOptions) => Transport;
}

/** What every transport of connect takes. */
export interface TransportOptions {
  readonly baseUrl: string;
  readonly interceptors: Interceptor[];
  readonly defaultTimeoutMs?: number;
}

/** Typed clients of every service. */
export interface Patchbay {
  readonly llms: Client<typeof LlmService>;
  readonly chat: Client<typeof ChatService>;
  readonly pings: Client<typeof PingService>;
  readonly audit: Client<typeof AuditService>;
  readonly access: Client<typeof AccessService>;
  readonly providers: Client<typeof ProviderService>;
  readonly routes: Client<typeof RouteService>;
  readonly usage: Client<typeof UsageService>;
  readonly budgets: Client<typeof BudgetService>;
}

/** Connects nothing yet: the first call does. */
export function createPatchbay({
  url,
  apiKey,
  timeoutMs,
  transport = createConnectTransport,
}: PatchbayOptions): Patchbay {
  const authorize: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${apiKey}`);
    return next(request);
  };
  const shared = transport({
    baseUrl: url,
    interceptors: [authorize],
    ...(timeoutMs === undefined ? {} : { defaultTimeoutMs: timeoutMs }),
  });
  return {
    llms: createClient(LlmService, shared),
    chat: createClient(ChatService, shared),
    pings: createClient(PingService, shared),
    audit: createClient(AuditService, shared),
    access: createClient(AccessService, shared),
    providers: createClient(ProviderService, shared),
    routes: createClient(RouteService, shared),
    usage: createClient(UsageService, shared),
    budgets: createClient(BudgetService, shared),
  };
}

/** What an error of a call says, unpacked. */
export interface Problem {
  /** Such as `NotFound`. */
  readonly code: string;
  /** A word of `Reason` in reason.proto; empty when the error did not come from the server. */
  readonly reason: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fields: readonly { readonly field: string; readonly description: string }[];
  readonly retryAfterMs: number | undefined;
  /** Names the call in the server's log. */
  readonly requestId: string;
}

/** Reads the error of a call, whatever was thrown. */
export function problemOf(error: unknown): Problem {
  const failure = ConnectError.from(error);
  const [info] = failure.findDetails(ErrorInfoSchema);
  const [badRequest] = failure.findDetails(BadRequestSchema);
  const delay = failure.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return {
    code: Code[failure.code],
    reason: info?.reason ?? "",
    message: failure.rawMessage,
    metadata: info?.metadata ?? {},
    fields: (badRequest?.fieldViolations ?? []).map(({ field, description }) => ({ field, description })),
    retryAfterMs: delay && Number(delay.seconds) * 1_000 + delay.nanos / 1_000_000,
    requestId: failure.findDetails(RequestInfoSchema)[0]?.requestId ?? "",
  };
}
