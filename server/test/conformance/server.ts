/**
 * A server with our wire and the service of Connect's conformance suite, as its runner starts it:
 * `node server.ts DESCRIPTORS`, with a ServerCompatRequest on stdin and a ServerCompatResponse on stdout.
 */
import { readFileSync } from "node:fs";
import {
  create,
  createFileRegistry,
  createRegistry,
  type DescMessage,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createContextValues } from "@connectrpc/connect";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { captureMethods } from "../../wire/call/local-transport.ts";
import { listen } from "../../wire/http/listen.ts";
import { createRpcHandlers } from "../../wire/rpc/handlers.ts";
import { compressionZstd } from "../../wire/rpc/zstd.ts";
import { conformanceRoutes } from "./service.ts";

const files = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(process.argv[2] ?? "")));
const typeOf = (name: string) => files.getMessage(`connectrpc.conformance.v1.${name}`) as DescMessage;

const asked = (await readMessage(typeOf("ServerCompatRequest"))) as unknown as { readonly messageReceiveLimit: number };

const rpcs = createRpcHandlers({
  methods: captureMethods(conformanceRoutes(files)),
  contextValues: () => createContextValues(),
  acceptCompression: [compressionGzip, compressionBrotli, compressionZstd],
  jsonOptions: { registry: createRegistry(files) },
  onError: () => {},
  refine: () => {},
  readMaxBytes: () => asked.messageReceiveLimit || 0xffffffff,
});
const listener = await listen(
  (request, response) => {
    const rpc = rpcs.get(request.url?.split("?", 1)[0] ?? "");
    if (rpc) return rpc.serve(request, response);
    response.statusCode = 404;
    response.end();
  },
  { host: "127.0.0.1", port: 0, onError: console.error },
);
process.once("SIGTERM", () => process.exit());
const response = typeOf("ServerCompatResponse");
const bytes = toBinary(
  response,
  create(response, { host: "127.0.0.1", port: listener.port } as never) as MessageShape<DescMessage>,
);
const size = Buffer.alloc(4);
size.writeUInt32BE(bytes.length);
process.stdout.write(Buffer.concat([size, bytes]));

async function readMessage(type: DescMessage) {
  let read = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    read = Buffer.concat([read, chunk]);
    if (read.length >= 4 && read.length >= 4 + read.readUInt32BE(0)) break;
  }
  return fromBinary(type, read.subarray(4));
}
