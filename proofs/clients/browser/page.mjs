/** What the page of grpc-web.test.ts loads: gRPC's own client for browsers, and what a test has it do. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { GrpcWebClientBase, MethodDescriptor, StatusCode } from "grpc-web";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import { ChatService } from "../../../gen/patchbay/v1/chat_service_pb.ts";
import { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";

/** As its generator writes it: a name, a kind, and functions that write a request and read a response. */
function descriptorOf(rpc) {
  const kind = rpc.methodKind === "unary" ? "unary" : "server_streaming";
  return new MethodDescriptor(
    `/${rpc.parent.typeName}/${rpc.name}`,
    kind,
    Object,
    Object,
    (request) => toBinary(rpc.input, create(rpc.input, request)),
    (bytes) => fromBinary(rpc.output, bytes),
  );
}

function problemOf({ code, message, metadata }) {
  const bytes = metadata?.["grpc-status-details-bin"];
  const details = bytes ? fromBinary(StatusSchema, base64Decode(bytes)).details : [];
  const [info] = details.map((detail) => anyUnpack(detail, ErrorInfoSchema)).filter(Boolean);
  const [name] = Object.entries(StatusCode).find(([, number]) => number === code) ?? [];
  return { code: name ?? code, message, reason: info?.reason, metadata: info?.metadata };
}

const page = {
  async createLlm({ url, apiKey, format }, request) {
    const client = new GrpcWebClientBase({ format });
    const rpc = LlmService.method.createLlm;
    const path = `${url}/${rpc.parent.typeName}/${rpc.name}`;
    try {
      const { llm } = await client.unaryCall(path, request, header(apiKey), descriptorOf(rpc));
      return { llmId: llm.llmId };
    } catch (error) {
      return { problem: problemOf(error) };
    }
  },

  /** Shows what comes as it comes; answers when it is over. `leave` is what to leave after, or "any". */
  stream({ url, apiKey, format }, rpcName, request, { timeoutMs, leave } = {}) {
    const client = new GrpcWebClientBase({ format });
    const rpc = ChatService.method[rpcName] ?? LlmService.method[rpcName];
    const path = `${url}/${rpc.parent.typeName}/${rpc.name}`;
    const deadline = timeoutMs === undefined ? {} : { deadline: String(Date.now() + timeoutMs) };
    document.body.textContent = "";
    return new Promise((resolve) => {
      const seen = [];
      const events = client.serverStreaming(path, request, { ...header(apiKey), ...deadline }, descriptorOf(rpc));
      events.on("data", (message) => {
        const word = message.event?.case === "textDelta" ? message.event.value : message.kind;
        if (word === undefined) return;
        seen.push(word);
        document.body.append(word);
        if (leave !== word && leave !== "any") return;
        events.cancel();
        resolve({ seen });
      });
      events.on("error", (error) => resolve({ seen, problem: problemOf(error) }));
      events.on("end", () => resolve({ seen }));
    });
  },
};

const header = (apiKey) => ({ authorization: `Bearer ${apiKey}` });

Object.assign(globalThis, { page });
