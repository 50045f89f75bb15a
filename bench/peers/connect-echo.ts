/** The floor under our rpcs: GetLlm on the stock adapter, with the same answer, and nothing done for it. */
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { fromJsonString } from "@bufbuild/protobuf";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { GetLlmResponseSchema, LlmService } from "../../gen/patchbay/v1/llm_service_pb.ts";

const answer = fromJsonString(GetLlmResponseSchema, process.env.BENCH_ANSWER ?? "{}");
const handler = connectNodeAdapter({
  routes: (router) => {
    router.service(LlmService, { getLlm: () => answer });
  },
});

const http2 = createHttp2Server(handler).listen(0, "127.0.0.1");
const http1 = createServer(handler).listen(0, "127.0.0.1", () => {
  const url = (server: { address(): unknown }) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  process.stdout.write(`listens on ${url(http1)} and ${url(http2)}\n`);
});
