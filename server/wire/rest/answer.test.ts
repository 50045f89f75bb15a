import { createServer } from "node:http";
import { connect } from "node:http2";
import { type AddressInfo, connect as connectSocket } from "node:net";
import { describe, expect, it } from "vitest";
import { startServer } from "../../test/wire/rest-service.ts";
import { Cors } from "../http/cors.ts";
import { Answer } from "./answer.ts";

describe("Answer", () => {
  it("takes it calmly if the caller has left", async () => {
    const { promise: isOver, resolve } = Promise.withResolvers<boolean>();
    const server = createServer(async (request, response) => {
      const answer = new Answer(request, response, new Cors([]));
      response.destroy();
      await new Promise(setImmediate);
      await answer.json(200, "x".repeat(2000), []);
      answer.abort();
      await new Promise(setImmediate);
      resolve(true);
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const socket = connectSocket((server.address() as AddressInfo).port, "127.0.0.1").on("error", () => {});
    socket.write("GET / HTTP/1.1\r\nhost: a\r\naccept-encoding: gzip\r\n\r\n");
    expect(await isOver).toBe(true);
    server.close();
  });

  it("ends an HTTP/2 stream whose caller still sends", async () => {
    await using server = await startServer({}, { readMaxBytes: () => 10 });
    const session = connect(`http://127.0.0.1:${server.ports["HTTP/2"]}`);
    const stream = session.request({ ":method": "POST", ":path": "/v1/echo", "content-length": "1000" });
    stream.write("{");
    stream.resume();
    const status = await new Promise((resolve) => stream.once("response", (headers) => resolve(headers[":status"])));
    await new Promise((resolve) => stream.once("close", resolve));
    expect({ status, code: stream.rstCode }).toEqual({ status: 413, code: 0 });
    session.close();
  });
});
