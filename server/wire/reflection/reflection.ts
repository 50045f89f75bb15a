import type { DescFile, DescService } from "@bufbuild/protobuf";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import * as v1 from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import * as v1alpha from "../../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { type Closure, DescriptorIndex } from "./descriptor-index.ts";

/**
 * Adds gRPC reflection, v1 and v1alpha, which tells of these services, of itself, of every file they need, and of files
 * that nothing imports: those of what travels in an error.
 *
 * https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 */
export function addReflection(
  router: ConnectRouter,
  services: readonly DescService[],
  files: readonly DescFile[] = [],
): void {
  const index = new DescriptorIndex([...services, v1.ServerReflection, v1alpha.ServerReflection], files);
  const rpcs = {
    async *serverReflectionInfo<Request extends AnyRequest>(requests: AsyncIterable<Request>) {
      for await (const request of requests) {
        yield {
          validHost: request.host,
          originalRequest: request,
          messageResponse: answer(index, request.messageRequest),
        };
      }
    },
  };
  router.service(v1.ServerReflection, rpcs);
  router.service(v1alpha.ServerReflection, rpcs);
}

/** The two versions differ in nothing but their package. */
type AnyRequest = v1.ServerReflectionRequest | v1alpha.ServerReflectionRequest;

function answer(index: DescriptorIndex, asked: AnyRequest["messageRequest"]) {
  switch (asked.case) {
    case "listServices":
      return {
        case: "listServicesResponse" as const,
        value: { service: index.serviceNames.map((name) => ({ name })) },
      };
    case "fileByFilename":
      return files(index.file(asked.value), asked.value);
    case "fileContainingSymbol":
      return files(index.symbol(asked.value), asked.value);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = asked.value;
      return files(index.extension(containingType, extensionNumber), `${containingType}:${extensionNumber}`);
    }
    case "allExtensionNumbersOfType": {
      const numbers = index.extensionNumbers(asked.value);
      if (!numbers) return notFound(asked.value);
      return {
        case: "allExtensionNumbersResponse" as const,
        value: { baseTypeName: asked.value, extensionNumber: [...numbers] },
      };
    }
    case undefined:
      // A kind of request that is newer than our protos looks like none.
      return error(Code.Unimplemented, "the request names nothing that is known here");
  }
}

function files(closure: Closure | undefined, name: string) {
  if (!closure) return notFound(name);
  return { case: "fileDescriptorResponse" as const, value: { fileDescriptorProto: [...closure] } };
}

function notFound(name: string) {
  return error(Code.NotFound, `not found: ${name}`);
}

function error(errorCode: Code, errorMessage: string) {
  return { case: "errorResponse" as const, value: { errorCode, errorMessage } };
}
