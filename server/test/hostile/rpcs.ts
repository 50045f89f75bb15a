import { type DescMethod, fromJson, getOption, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { http } from "../../../gen/google/api/annotations_pb.ts";
import { Health } from "../../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ChatService } from "../../../gen/patchbay/v1/chat_service_pb.ts";
import { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { SERVICES } from "../../service/services.ts";

/** One rpc, a correct request for it, and its routes. */
export interface HostileRpc {
  readonly method: DescMethod;
  readonly path: string;
  readonly json: string;
  readonly binary: Buffer;
  /** REST: the method of HTTP and the path. */
  readonly routes: readonly (readonly [method: string, path: string])[];
}

const NOBODY = "00000000-0000-4000-8000-000000000000";

/** Every rpc but the watches, whose correct answers never end. What is not named is asked for next to nothing. */
export function hostileRpcs(llmId: string): HostileRpc[] {
  const connection = {
    providerType: "CUSTOM_OPENAI_COMPATIBLE",
    endpointUrl: "https://llm.example.com/v1",
    modelIdentifier: "some-model",
    credentials: { apiKey: { inlineSecret: "sk-1234" } },
  };
  const chat = {
    llmId,
    messages: [{ role: "USER", parts: [{ text: "Hi" }] }],
    samplingParams: { temperature: 0.5, maxTokens: 12, stopSequences: ["x"] },
    tools: [
      { name: "weather", description: "d", parameters: { type: "object", properties: { a: { type: "string" } } } },
    ],
  };
  const draft = {
    ...connection,
    displayName: "Hostile",
    labels: { a: "b" },
    supportedModalities: ["TEXT"],
    defaultSamplingParams: { temperature: 1 },
    maxContextLength: 100,
    clientConfig: { a: [1, { b: null }] },
  };
  const one = `/v1/llms/${llmId}`;
  const rpc = (method: DescMethod, json: JsonValue, ...routes: [string, string][]): HostileRpc => ({
    method,
    path: `/${method.parent.typeName}/${method.name}`,
    json: JSON.stringify(json),
    binary: Buffer.from(toBinary(method.input, fromJson(method.input, json))),
    routes,
  });
  const { createLlm, getLlm, batchGetLlms, listLlms, updateLlm, deleteLlm, undeleteLlm, setDefaultLlm } =
    LlmService.method;
  const { testLlm, testConnection } = LlmService.method;
  const { addPendingCredentials, promoteCredentials, revertCredentials, retireCredentials } = LlmService.method;
  const named = [
    rpc(createLlm, draft, ["POST", "/v1/llms"]),
    rpc(getLlm, { llmId }, ["GET", one]),
    rpc(listLlms, { pageSize: 3, orderBy: "DISPLAY_NAME", direction: "DESC", labels: { a: "b" } }, ["GET", "/v1/llms"]),
    rpc(
      updateLlm,
      { llmId, updateMask: "displayName,labels", displayName: "x", labels: { a: "b" } },
      ["PATCH", one],
      ["PUT", one],
    ),
    rpc(deleteLlm, { llmId: NOBODY }, ["DELETE", `/v1/llms/${NOBODY}`]),
    rpc(undeleteLlm, { llmId: NOBODY }, ["POST", `/v1/llms/${NOBODY}:undelete`]),
    rpc(batchGetLlms, { llmIds: [llmId] }, ["GET", "/v1/llms:batchGet"]),
    rpc(setDefaultLlm, { llmId }, ["POST", `${one}:setDefault`]),
    rpc(testLlm, { llmId }, ["POST", `${one}:test`]),
    rpc(testConnection, { ...connection, endpointUrl: "http://127.0.0.1:1/v1" }, ["POST", "/v1/llms:testConnection"]),
    rpc(addPendingCredentials, { llmId, credentials: { apiKey: { inlineSecret: "sk-5678" } } }, [
      "POST",
      `${one}:addPendingCredentials`,
    ]),
    rpc(promoteCredentials, { llmId }, ["POST", `${one}:promoteCredentials`]),
    rpc(revertCredentials, { llmId }, ["POST", `${one}:revertCredentials`]),
    rpc(retireCredentials, { llmId, slot: "PREVIOUS" }, ["POST", `${one}:retireCredentials`]),
    rpc(ChatService.method.chat, chat, ["POST", `${one}:chat`], ["POST", "/v1/llms:chat"]),
    rpc(ChatService.method.streamChat, chat, ["POST", `${one}:streamChat`], ["POST", "/v1/llms:streamChat"]),
    rpc(Health.method.check, { service: "patchbay.v1.LlmService" }),
    rpc(Health.method.list, {}),
    rpc(ServerReflection.method.serverReflectionInfo, { fileContainingSymbol: "patchbay.v1.Llm" }),
  ];
  const others = SERVICES.flatMap(({ methods }) => methods).filter(
    (one) => !one.name.startsWith("Watch") && !named.some(({ method }) => method === one),
  );
  return [
    ...named,
    ...others.map((method) => {
      const json = method.input.fields.some(({ name }) => name === "llm_id") ? { llmId } : {};
      return rpc(method, json, ...routesOf(method, llmId));
    }),
  ];
}

function routesOf(method: DescMethod, llmId: string): [string, string][] {
  const { case: verb, value: template } = getOption(method, http).pattern;
  if (verb === undefined || typeof template !== "string") return [];
  return [[verb.toUpperCase(), template.replace("{llm_id}", llmId)]];
}
