import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished } from "vitest";
import { Health as HealthService } from "../../../gen/grpc/health/v1/health_pb.ts";
import * as v1 from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import * as v1alpha from "../../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { ChatService } from "../../../gen/patchbay/v1/chat_service_pb.ts";
import { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { listen } from "../http/listen.ts";
import { Health, healthRpcs } from "../lifecycle.ts";
import { addReflection } from "./reflection.ts";

const SERVICES = [
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
  "patchbay.v1.ChatService",
  "patchbay.v1.LlmService",
];

/** A server that reflects our services and answers those of health. */
async function serve() {
  const health = new Health([LlmService.typeName]);
  health.set("SERVING");
  const adapter = connectNodeAdapter({
    routes: (router) => {
      healthRpcs(router, health);
      addReflection(router, [LlmService, ChatService, HealthService]);
    },
  });
  const onError = (error: Error) => {
    throw error;
  };
  const listener = await listen(adapter, { host: "127.0.0.1", port: 0, onError });
  onTestFinished(() => listener.drain(0));
  return listener;
}

describe.each([
  { version: "v1", ...v1 },
  { version: "v1alpha", ...v1alpha },
])(
  "$version to a foreign client",
  ({ ServerReflection, ServerReflectionRequestSchema, ServerReflectionResponseSchema }) => {
    type Question = NonNullable<MessageInitShape<typeof v1.ServerReflectionRequestSchema>["messageRequest"]>;

    /** Asks all questions in one call, and answers with the answers. */
    async function ask(...questions: Question[]) {
      const { port } = await serve();
      const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
      onTestFinished(() => client.close());
      const call = client.makeBidiStreamRequest(
        `/${ServerReflection.typeName}/ServerReflectionInfo`,
        (messageRequest: Question) =>
          Buffer.from(
            toBinary(
              ServerReflectionRequestSchema,
              create(ServerReflectionRequestSchema, { host: "h", messageRequest }),
            ),
          ),
        (bytes) => fromBinary(ServerReflectionResponseSchema, bytes),
      );
      for (const question of questions) call.write(question);
      call.end();
      return call.toArray();
    }

    /** The one answer to one question. */
    async function answerTo(question: Question) {
      const [answer] = await ask(question);
      return answer.messageResponse;
    }

    /** The files of an answer; all that they import must be among them. */
    async function filesFor(question: Question): Promise<string[]> {
      const { value } = await answerTo(question);
      const files = value.fileDescriptorProto.map((bytes: Uint8Array) => fromBinary(FileDescriptorProtoSchema, bytes));
      const names = files.map(({ name }: { name: string }) => name);
      expect(names).toEqual(
        expect.arrayContaining(files.flatMap(({ dependency }: { dependency: string[] }) => dependency)),
      );
      expect(new Set(names).size).toBe(names.length);
      return names;
    }

    it("lists the services, itself among them", async () => {
      const { value } = await answerTo({ case: "listServices", value: "*" });

      expect(value.service.map(({ name }: { name: string }) => name)).toEqual(SERVICES);
    });

    it("sends a file by its name, with its imports after it", async () => {
      const names = await filesFor({ case: "fileByFilename", value: "patchbay/v1/llm_service.proto" });

      expect(names[0]).toBe("patchbay/v1/llm_service.proto");
      expect(names).toContain("google/api/annotations.proto");
      expect(names).toContain("google/protobuf/descriptor.proto");
      expect(names).toContain("buf/validate/validate.proto");
    });

    it.each([
      { kind: "a service", symbol: "patchbay.v1.LlmService", file: "patchbay/v1/llm_service.proto" },
      { kind: "a method", symbol: "patchbay.v1.LlmService.GetLlm", file: "patchbay/v1/llm_service.proto" },
      { kind: "a message", symbol: "patchbay.v1.Llm", file: "patchbay/v1/llm.proto" },
      { kind: "a field", symbol: "patchbay.v1.Llm.display_name", file: "patchbay/v1/llm.proto" },
      {
        kind: "a nested message",
        symbol: "google.protobuf.DescriptorProto.ExtensionRange",
        file: "google/protobuf/descriptor.proto",
      },
      { kind: "a oneof", symbol: "google.protobuf.Value.kind", file: "google/protobuf/struct.proto" },
      { kind: "an enum", symbol: "google.protobuf.NullValue", file: "google/protobuf/struct.proto" },
      {
        kind: "an enum value, beside its enum",
        symbol: "google.protobuf.NULL_VALUE",
        file: "google/protobuf/struct.proto",
      },
      {
        kind: "a value of a nested enum",
        symbol: "google.protobuf.FieldDescriptorProto.TYPE_BYTES",
        file: "google/protobuf/descriptor.proto",
      },
      { kind: "an extension", symbol: "google.api.http", file: "google/api/annotations.proto" },
    ])("finds $kind", async ({ symbol, file }) => {
      expect((await filesFor({ case: "fileContainingSymbol", value: symbol }))[0]).toBe(file);
    });

    it("finds an extension by its message and number", async () => {
      const names = await filesFor({
        case: "fileContainingExtension",
        value: { containingType: "google.protobuf.MethodOptions", extensionNumber: 72295728 },
      });

      expect(names[0]).toBe("google/api/annotations.proto");
    });

    it("names the extensions of a message, sorted", async () => {
      const type = "google.protobuf.MethodOptions";
      const { value } = await answerTo({ case: "allExtensionNumbersOfType", value: type });

      expect(value.baseTypeName).toBe(type);
      expect(value.extensionNumber).toContain(72295728);
      expect(value.extensionNumber).toEqual(value.extensionNumber.toSorted((a: number, b: number) => a - b));
    });

    it("says of a message without extensions that it has none", async () => {
      expect(await answerTo({ case: "allExtensionNumbersOfType", value: "patchbay.v1.Llm" })).toMatchObject({
        case: "allExtensionNumbersResponse",
        value: { baseTypeName: "patchbay.v1.Llm", extensionNumber: [] },
      });
    });

    it.each<Question>([
      { case: "fileByFilename", value: "nothing.proto" },
      { case: "fileContainingSymbol", value: "nothing" },
      { case: "fileContainingSymbol", value: "google.protobuf.NullValue.NULL_VALUE" },
      {
        case: "fileContainingExtension",
        value: { containingType: "google.protobuf.MethodOptions", extensionNumber: 1 },
      },
      { case: "allExtensionNumbersOfType", value: "patchbay.v1.LlmService" },
    ])("answers NOT_FOUND to $case $value", async (question) => {
      expect(await answerTo(question)).toMatchObject({
        case: "errorResponse",
        value: { errorCode: grpc.status.NOT_FOUND },
      });
    });

    it("answers UNIMPLEMENTED to a question that it does not know", async () => {
      expect(await answerTo({ case: undefined })).toMatchObject({
        case: "errorResponse",
        value: { errorCode: grpc.status.UNIMPLEMENTED },
      });
    });

    it("answers in order, with the question and the host, and goes on after an error", async () => {
      const answers = await ask(
        { case: "fileContainingSymbol", value: "nothing" },
        { case: "listServices", value: "" },
      );

      expect(answers).toMatchObject([
        {
          validHost: "h",
          originalRequest: { messageRequest: { value: "nothing" } },
          messageResponse: { case: "errorResponse" },
        },
        {
          validHost: "h",
          originalRequest: { messageRequest: { case: "listServices" } },
          messageResponse: { case: "listServicesResponse" },
        },
      ]);
    });
  },
);

describe("buf curl", () => {
  const run = promisify(execFile);

  async function bufCurl(url: string, ...args: string[]): Promise<string> {
    const { stdout } = await run("node_modules/.bin/buf", ["curl", "--http2-prior-knowledge", ...args, url]);
    return stdout.trim();
  }

  it.each([
    { protocol: "grpc", reflect: "grpc-v1" },
    { protocol: "grpc", reflect: "grpc-v1alpha" },
    { protocol: "grpcweb", reflect: "grpc-v1" },
    { protocol: "connect", reflect: "grpc-v1" },
  ])("lists services and calls over $protocol with $reflect", async ({ protocol, reflect }) => {
    const { url } = await serve();
    const options = ["--protocol", protocol, "--reflect-protocol", reflect];

    expect((await bufCurl(url, ...options, "--list-services")).split("\n")).toEqual(SERVICES);
    const call = bufCurl(
      `${url}/grpc.health.v1.Health/Check`,
      ...options,
      "--data",
      '{"service":"patchbay.v1.LlmService"}',
    );
    expect(JSON.parse(await call)).toEqual({ status: "SERVING" });
  });

  it("lists methods of a service with many imports", async () => {
    const { url } = await serve();

    expect((await bufCurl(url, "--protocol", "grpc", "--list-methods")).split("\n")).toContain(
      "patchbay.v1.LlmService/CreateLlm",
    );
  });
});
