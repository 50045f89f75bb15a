import { GrpcClient } from "../load/grpc.ts";
import { HttpClient } from "../load/http1.ts";
import { type Call, closedLoop } from "../load/loops.ts";
import { printResults } from "../measure/print.ts";
import { type Contender, measure } from "../measure/rounds.ts";
import { getLlmConnect, getLlmGrpc, getLlmRest } from "./requests.ts";
import type { Row } from "./row.ts";

const IN_FLIGHT = 16;
const REST = "Patchbay, REST";
const CONNECT = "Patchbay, Connect JSON";
const GRPC = "Patchbay, gRPC";
const FASTIFY = "Fastify + pg, one row";
const CONNECT_FLOOR = "bare adapter, Connect JSON, no row";
const GRPC_FLOOR = "bare adapter, gRPC, no row";

/** A registered Llm by its id, over each protocol, beside the stock adapter with nothing to do and a server by hand. */
export const getLlm: Row = {
  name: "get-llm",
  what: "GetLlm over gRPC and REST",
  async run(stage, plan) {
    const patchbay = await stage.patchbay();
    const [fastify, echo] = await Promise.all([stage.fastify(), stage.connectEcho()]);
    const [echoHttp1 = "", echoHttp2 = ""] = echo.urls;
    const clients = {
      patchbay: new HttpClient(patchbay.url, IN_FLIGHT),
      channel: new GrpcClient(patchbay.url),
      fastify: new HttpClient(fastify.urls[0] ?? "", IN_FLIGHT),
      echo: new HttpClient(echoHttp1, IN_FLIGHT),
      echoChannel: new GrpcClient(echoHttp2),
    };
    const contender = (name: string, { pid }: { pid: number }, call: Call): Contender => ({
      name,
      pid,
      load: (ms) => closedLoop(call, IN_FLIGHT, ms),
    });
    const [rest, byHand] = [getLlmRest(REST, patchbay), getLlmRest(FASTIFY, patchbay)];
    const [connect, connectFloor] = [getLlmConnect(CONNECT, patchbay), getLlmConnect(CONNECT_FLOOR, patchbay)];
    const [grpc, grpcFloor] = [getLlmGrpc(GRPC, patchbay), getLlmGrpc(GRPC_FLOOR, patchbay)];
    const contenders = [
      contender(REST, patchbay, () => clients.patchbay.call(rest)),
      contender(CONNECT, patchbay, () => clients.patchbay.call(connect)),
      contender(GRPC, patchbay, () => clients.channel.call(grpc)),
      contender(FASTIFY, fastify, () => clients.fastify.call(byHand)),
      contender(CONNECT_FLOOR, echo, () => clients.echo.call(connectFloor)),
      contender(GRPC_FLOOR, echo, () => clients.echoChannel.call(grpcFloor)),
    ];
    try {
      const results = await measure(contenders, plan);
      printResults(`GetLlm, ${IN_FLIGHT} in flight`, results);
      const against = (what: string, name: string, peer: string, target: number) => {
        const figure = results.ratio(name, peer, "cpuUs");
        return { what, against: `${peer}, CPU`, target, figure, unit: "" as const };
      };
      return [
        against("GetLlm over gRPC, with its row", GRPC, GRPC_FLOOR, 2),
        against("GetLlm over REST", REST, CONNECT, 1),
        against("GetLlm over REST, with its row", REST, FASTIFY, 1.2),
      ];
    } finally {
      for (const client of Object.values(clients)) await client.close();
    }
  },
};
