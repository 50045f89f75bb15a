#!/usr/bin/env bash
# INVALID_ARGUMENT that names sixty wrong fields is RESOURCE_EXHAUSTED in Python, by chance, and INTERNAL in Java.
#
# Seen with the server of @grpc/grpc-js 1.14.7 and the clients grpc-js 1.14.7, @connectrpc/connect-node 2.3.0 (npm), grpcio
# 1.85.3 (PyPI) and grpc-java 1.76.0 (Maven Central, netty-shaded). Sixty violations in google.rpc.BadRequest are some 11 kB in
# grpc-status-details-bin. Both clients for JavaScript read them. grpcio draws lots between 8 and 16 kB of metadata, the
# likelier to refuse the longer it is, and refuses by a code of its own; grpc-java takes no more than 8 kB. With thirty
# violations, all four say the same.
# We had guessed that at worst the details are cut off, and that code and message arrive. They do not, and the code that Python
# gets is the one of rate limits, by which callers try again. Whoever lists all that is wrong with a request, as a gateway
# does with a file of settings, has to stop before 8 kB in base64; Connect's protocol has them in the body.
set -euo pipefail
for tool in java mvn; do
  command -v "$tool" >/dev/null || { echo "skipped: $tool is missing"; exit 0; }
done
folder=$(mktemp -d)
finish() {
  [ -z "${server:-}" ] || kill "$server"
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @grpc/grpc-js@1.14.7 @connectrpc/connect@2.3.0 \
  @connectrpc/connect-node@2.3.0 @bufbuild/protobuf@2.17.0
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check grpcio==1.85.3
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>caller</groupId><artifactId>caller</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>io.grpc</groupId><artifactId>grpc-netty-shaded</artifactId><version>1.76.0</version></dependency>
    <dependency><groupId>io.grpc</groupId><artifactId>grpc-stub</artifactId><version>1.76.0</version></dependency>
  </dependencies>
</project>
XML
mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory=jars >/dev/null

cat >server.mjs <<'JS'
import grpc from "@grpc/grpc-js";
import { BinaryWriter } from "@bufbuild/protobuf/wire";

/** A field of google.rpc.Status or of what is in it, which are all texts and messages but for the code. */
const text = (writer, field, value) => writer.tag(field, 2).string(value);
const message = (writer, field, fill) => fill(writer.tag(field, 2).fork()).join();
const description = "This value is not among those which the endpoint's kind allows; give one of the list on its page.";

function badRequest(violations) {
  const body = new BinaryWriter();
  for (let index = 0; index < violations; index++) {
    message(body, 1, (violation) => text(text(violation, 1, `endpoints[${index}].kind`), 2, description));
  }
  const status = text(new BinaryWriter().tag(1, 0).int32(grpc.status.INVALID_ARGUMENT), 2, "fields are wrong");
  return message(status, 3, (any) => text(any, 1, "type.googleapis.com/google.rpc.BadRequest").tag(2, 2).bytes(body.finish())).finish();
}

const bytes = (value) => value;
const raw = { requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes };
const server = new grpc.Server();
for (const violations of [30, 60]) {
  const metadata = new grpc.Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(badRequest(violations)));
  server.addService(
    { apply: { path: `/gateway.Of${violations}/Apply`, requestStream: false, responseStream: false, ...raw } },
    { apply: (_, answer) => answer({ code: grpc.status.INVALID_ARGUMENT, details: "fields are wrong", metadata }) },
  );
}
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_, port) => console.log(`127.0.0.1:${port}`));
JS
node server.mjs >address &
server=$!
until [ -s address ]; do sleep 0.1; done

cat >clients.mjs <<'JS'
import { create, createFileRegistry } from "@bufbuild/protobuf";
import { EmptySchema, FileDescriptorProtoSchema, file_google_protobuf_empty } from "@bufbuild/protobuf/wkt";
import { Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import grpc from "@grpc/grpc-js";

const address = process.argv[2];
const method = [{ name: "Apply", inputType: `.${EmptySchema.typeName}`, outputType: `.${EmptySchema.typeName}` }];
const service = ["Of30", "Of60"].map((name) => ({ name, method }));
const dependency = ["google/protobuf/empty.proto"];
const file = create(FileDescriptorProtoSchema, { name: "gateway.proto", package: "gateway", syntax: "proto3", dependency, service });
const registry = createFileRegistry(file, () => file_google_protobuf_empty.proto);

const bytes = (value) => value;
const client = new grpc.Client(address, grpc.credentials.createInsecure());
for (const violations of [30, 60]) {
  const name = `gateway.Of${violations}`;
  await new Promise((resolve) =>
    client.makeUnaryRequest(`/${name}/Apply`, bytes, bytes, Buffer.alloc(0), (error) => {
      console.log(`grpc-js, ${violations}: ${grpc.status[error.code]}`);
      resolve();
    }),
  );
  const connect = createClient(registry.getService(name), createGrpcTransport({ baseUrl: `http://${address}` }));
  const error = await connect.apply({}).catch((error) => error);
  console.log(`connect-node, ${violations}: ${Code[error.code]}`);
}
process.exit();
JS
cat >client.py <<'PY'
import sys
import grpc

with grpc.insecure_channel(sys.argv[1]) as channel:
    for violations in (30, 60):
        codes = set()
        for _ in range(200):
            try:
                channel.unary_unary(f"/gateway.Of{violations}/Apply")(b"")
            except grpc.RpcError as error:
                codes.add(error.code().name)
        print(f"grpcio, {violations}: {' or '.join(sorted(codes))}")
PY
cat >Client.java <<'JAVA'
import io.grpc.*;
import io.grpc.stub.ClientCalls;
import java.io.*;

public class Client {
  static final MethodDescriptor.Marshaller<byte[]> BYTES = new MethodDescriptor.Marshaller<>() {
    public InputStream stream(byte[] value) { return new ByteArrayInputStream(value); }
    public byte[] parse(InputStream stream) { return new byte[0]; }
  };

  public static void main(String[] args) {
    var channel = Grpc.newChannelBuilder(args[0], InsecureChannelCredentials.create()).build();
    for (var violations : new int[] {30, 60}) {
      var method = MethodDescriptor.newBuilder(BYTES, BYTES)
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName("gateway.Of" + violations + "/Apply")
          .build();
      try {
        ClientCalls.blockingUnaryCall(channel, method, CallOptions.DEFAULT, new byte[0]);
      } catch (StatusRuntimeException error) {
        System.out.println("grpc-java, " + violations + ": " + error.getStatus().getCode());
      }
    }
    channel.shutdownNow();
  }
}
JAVA
{
  node clients.mjs "$(cat address)"
  python/bin/python client.py "$(cat address)"
  java -cp 'jars/*' Client.java "$(cat address)" 2>log
} | tee seen

diff - seen <<'EXPECTED'
grpc-js, 30: INVALID_ARGUMENT
connect-node, 30: InvalidArgument
grpc-js, 60: INVALID_ARGUMENT
connect-node, 60: InvalidArgument
grpcio, 30: INVALID_ARGUMENT
grpcio, 60: INVALID_ARGUMENT or RESOURCE_EXHAUSTED
grpc-java, 30: INVALID_ARGUMENT
grpc-java, 60: INTERNAL
EXPECTED
echo "as seen before"
