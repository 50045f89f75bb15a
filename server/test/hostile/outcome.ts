import { envelopesOf } from "./answer.ts";
import type { Exchange } from "./exchange.ts";

/** What came of a request in a few words: the status, the code by its protocol and the reason; or what went wrong. */
export function outcomeOf({ answers, problem }: Exchange): string {
  const [answer] = answers;
  if (problem !== undefined || answer === undefined) return problem ?? "nothing";
  const { status, headers, body, trailers } = answer;
  const inBody = envelopesOf(body, undefined).at(-1)?.message.toString("latin1") ?? "";
  const [, web] = headers["content-type"]?.includes("grpc-web") ? (/^grpc-status: ?(\d+)/m.exec(inBody) ?? []) : [];
  const grpc = trailers["grpc-status"] ?? headers["grpc-status"] ?? web;
  if (grpc !== undefined) return `${status} grpc-status ${grpc}`;
  const text = body.toString("latin1");
  const [, code] = /"(?:status|code)":"(\w+)"/.exec(text) ?? [];
  const [, reason] = /"reason":"(\w+)"/.exec(text) ?? [];
  return [status, code, reason].filter((word) => word !== undefined).join(" ");
}
