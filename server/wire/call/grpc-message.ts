import type { OutgoingHttpHeaders, ServerResponse } from "node:http";

/** Escapes of printable characters other than `%` itself. */
const NEEDLESS = /%(2[0-46-9a-f]|[3-6][0-9a-f]|7[0-9a-e])/gi;

/**
 * A `grpc-message` as gRPC wants it, which escapes only `%` and what does not print. Connect escapes reserved characters
 * too, and grpc-js does not undo that: its users would read `%3A` for every colon.
 */
export function plainGrpcMessage(message: string): string {
  return message.replace(NEEDLESS, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Has an answer write its `grpc-message` as gRPC wants it. */
export function writePlainGrpcMessage(response: Pick<ServerResponse, "addTrailers">): void {
  const addTrailers = response.addTrailers.bind(response);
  response.addTrailers = (trailers: OutgoingHttpHeaders) => {
    const message = trailers["grpc-message"];
    addTrailers(message === undefined ? trailers : { ...trailers, "grpc-message": plainGrpcMessage(String(message)) });
  };
}
