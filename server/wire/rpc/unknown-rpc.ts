import type { ServerResponse } from "node:http";
import type { DescMethod, DescService, JsonWriteOptions } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import {
  codeToHttpStatus,
  createEndStreamSerialization,
  endStreamFlag,
  errorToJsonBytes,
} from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { Fault } from "../../base/fault.ts";
import { plainGrpcMessage, type WireError } from "../call/wire-error.ts";
import { mustCloseAfter, type NodeRequest, type NodeResponse } from "../http/exchange.ts";

const GRPC = /^application\/grpc\b/i;
const CONNECT_STREAM = /^application\/connect\b/i;
/** A package, a service and an rpc, in the case that buf lint wants; no path of REST's looks like that. */
const PATH = /^\/(?<service>(?:[a-z_]\w*\.)+[A-Z]\w*)\/(?<rpc>[A-Z]\w*)$/;

/** Whether a request to a path without an rpc is meant for one: its caller waits for an answer in that protocol. */
export function isMeantForRpc({ method, url = "", headers }: NodeRequest, path: string): boolean {
  if (GRPC.test(headers["content-type"] ?? "")) return true;
  if (!PATH.test(path)) return false;
  if (method === "GET") return /[?&]connect=v1(&|$)/.test(url);
  return method === "POST" || (method === "OPTIONS" && headers["access-control-request-method"] !== undefined);
}

/** Why there is nothing at a path, and what there is instead. */
export function unknownRpc(path: string, methods: Iterable<DescMethod>): Fault {
  const services = new Map<string, DescService>();
  for (const { parent } of methods) services.set(parent.typeName, parent);
  const { service = "", rpc = "" } = PATH.exec(path.slice(0, MAX_OF_PATH))?.groups ?? {};
  const known = services.get(service);
  const sentence = known
    ? `${service} has no rpc ${rpc}; it has ${known.methods.map(({ name }) => name).join(", ")}`
    : `there is no service ${service || "at this path"}; there are ${[...services.keys()].join(", ")}`;
  return new Fault("RPC_NOT_FOUND", `${sentence} (gRPC reflection tells all of them)`);
}

const MAX_OF_PATH = 300;

/** Answers with an error in the protocol that a request speaks; the refusal of its form has a status and headers too. */
export function answerError(
  request: NodeRequest,
  response: NodeResponse,
  error: ConnectError,
  jsonOptions: Partial<JsonWriteOptions>,
  form?: WireError,
): void {
  const type = request.headers["content-type"] ?? "";
  for (const [name, value] of form?.metadata ?? []) response.setHeader(name, value);
  if (mustCloseAfter(request)) response.setHeader("connection", "close");
  const answer = (status: number, contentType: string, body?: Uint8Array) => {
    response.statusCode = status;
    response.setHeader("content-type", contentType);
    // Without a head that is written before, gRPC's status over HTTP/2 is one frame that ends the stream.
    (response as ServerResponse).end(body);
  };
  if (GRPC.test(type)) {
    for (const [name, value] of setTrailerStatus(new Headers(), error)) {
      response.setHeader(name, name === "grpc-message" ? plainGrpcMessage(value) : value);
    }
    answer(200, type);
  } else if (form?.httpStatus !== undefined) {
    // Connect's clients take these statuses for UNKNOWN, with or without a body. Its conformance suite takes what is
    // application/json and no more for an error of Connect's, whichever protocol was meant.
    const unknown = new ConnectError(error.rawMessage, Code.Unknown, undefined, error.details as never);
    answer(form.httpStatus, "application/json; charset=utf-8", errorToJsonBytes(unknown, jsonOptions));
  } else if (CONNECT_STREAM.test(type)) {
    const end = createEndStreamSerialization(jsonOptions).serialize({ metadata: new Headers(), error });
    answer(200, type, encodeEnvelope(endStreamFlag, end));
  } else {
    answer(codeToHttpStatus(error.code), "application/json", errorToJsonBytes(error, jsonOptions));
  }
}
