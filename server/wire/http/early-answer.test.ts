import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { constants } from "node:http2";
import { describe, expect, it } from "vitest";
import { handler, http2Peer, listenHere, rstCode } from "../../test/wire/peers.ts";

const ANSWERS: { name: string; method?: string; answer: (response: ServerResponse) => void }[] = [
  { name: "to HEAD", method: "HEAD", answer: (response) => response.writeHead(405).end() },
  { name: "without content", answer: (response) => response.writeHead(204).end() },
  {
    name: "of headers alone",
    answer: (response) => {
      response.setHeader("grpc-status", "12");
      response.end();
    },
  },
  { name: "with a body", answer: (response) => response.end("no") },
  {
    name: "with trailers",
    answer: (response) => {
      response.writeHead(200).addTrailers({ "grpc-status": "8" });
      response.end("no");
    },
  },
];

describe("an answer over HTTP/2 that comes before the whole request", () => {
  it.each(ANSWERS)("closes the stream, and arrives: one $name", async ({ method = "POST", answer }) => {
    const { url } = await listenHere(handler((_, response) => answer(response)));
    const session = await http2Peer(url);
    const stream = session.request({ ":method": method, ":path": "/" }, { endStream: false });
    const closed = rstCode(stream);
    stream.resume().write(Buffer.alloc(1_000));
    const [headers] = await once(stream, "response");
    expect(headers[":status"]).toBeGreaterThan(0);
    expect(await closed).toBe(constants.NGHTTP2_NO_ERROR);
  });

  it.each(ANSWERS)("is not cut if the request was whole: one $name", async ({ method = "POST", answer }) => {
    const { url } = await listenHere(
      handler((request, response) => request.resume().once("end", () => answer(response))),
    );
    const session = await http2Peer(url);
    for (let n = 0; n < 20; n++) {
      const stream = session.request({ ":method": method, ":path": "/" }, { endStream: false });
      const closed = rstCode(stream);
      stream.resume().end(Buffer.alloc(1_000));
      await once(stream, "response");
      expect(await closed).toBe(constants.NGHTTP2_NO_ERROR);
    }
  });
});
