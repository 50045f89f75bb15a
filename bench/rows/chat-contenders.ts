import { GrpcClient } from "../load/grpc.ts";
import { HttpClient } from "../load/http1.ts";
import type { Call, Timing } from "../load/loops.ts";
import type { Contender } from "../measure/rounds.ts";
import type { Model } from "../peers/replies.ts";
import type { Stage } from "../stage/stage.ts";
import { chatConnect, chatGrpc, chatOpenAi, chatRest, portkeyHeaders } from "./requests.ts";

/** The names of those that chat, for comparing them. */
export const DIRECT = "direct call";
export const REST = "Patchbay, REST";
export const CONNECT = "Patchbay, Connect";
export const GRPC = "Patchbay, gRPC";
export const FACE = "Patchbay, OpenAI's API";
export const PORTKEY = "Portkey";
export const LITELLM = "LiteLLM";

/** What is said, to which model, and how calls are made. */
export interface Chatting {
  readonly model: Model;
  readonly stream: boolean;
  readonly connections: number;
  readonly loop: (call: Call, ms: number) => Promise<readonly Timing[]>;
}

/** All ways to one model, side by side, and how to close their connections. */
export async function chatContenders(stage: Stage, chatting: Chatting) {
  const { model, stream, connections, loop } = chatting;
  const [modelUrl, patchbay, portkey] = await Promise.all([stage.model(), stage.patchbay(), stage.portkey()]);
  const [liteLlm, databasePid] = await Promise.all([stage.liteLlm(), stage.databasePid()]);
  const clients: { close(): unknown }[] = [];
  const contender = (name: string, pid: number | undefined, call: Call): Contender => ({
    name,
    pid,
    databasePid: pid === patchbay.pid ? databasePid : undefined,
    load: (ms) => loop(call, ms),
  });
  const http = (origin: string) => {
    const client = new HttpClient(origin, connections);
    clients.push(client);
    return client;
  };
  const [mock, server, gateway] = [http(modelUrl), http(patchbay.url), http(portkey.urls[0] ?? "")];
  const channel = new GrpcClient(patchbay.url);
  clients.push(channel);
  const direct = chatOpenAi(DIRECT, model, stream);
  const rest = chatRest(REST, model, stream, patchbay);
  const connect = chatConnect(CONNECT, model, patchbay);
  const grpc = chatGrpc(GRPC, model, stream, patchbay);
  const face = chatOpenAi(FACE, model, stream, { authorization: patchbay.authorization });
  const throughPortkey = chatOpenAi(PORTKEY, model, stream, portkeyHeaders(modelUrl));
  const contenders = [
    contender(DIRECT, undefined, () => mock.call(direct)),
    contender(REST, patchbay.pid, () => server.call(rest)),
    ...(stream ? [] : [contender(CONNECT, patchbay.pid, () => server.call(connect))]),
    contender(GRPC, patchbay.pid, () => channel.call(grpc)),
    contender(FACE, patchbay.pid, () => server.call(face)),
    contender(PORTKEY, portkey.pid, () => gateway.call(throughPortkey)),
  ];
  if (liteLlm) {
    const proxy = http(liteLlm.urls[0] ?? "");
    const throughLiteLlm = chatOpenAi(LITELLM, model, stream);
    contenders.push(contender(LITELLM, liteLlm.pid, () => proxy.call(throughLiteLlm)));
  }
  const close = async () => {
    for (const client of clients) await client.close();
  };
  return { contenders, close };
}
