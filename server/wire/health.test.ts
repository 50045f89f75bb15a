import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type CallOptions, Code, ConnectError, createClient } from "@connectrpc/connect";
import { connectNodeAdapter, createGrpcTransport } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  Health as HealthService,
  HealthCheckResponse_ServingStatus as Status,
} from "../../gen/grpc/health/v1/health_pb.ts";
import { listen } from "./http/listen.ts";
import { Health, healthRpcs } from "./lifecycle.ts";

const SERVICE = "patchbay.v1.LlmService";

/** A server of the health rpcs, and a gRPC client for it. */
async function serve() {
  const health = new Health([SERVICE]);
  const shutdown = new AbortController();
  const adapter = connectNodeAdapter({
    routes: (router) => healthRpcs(router, health),
    shutdownSignal: shutdown.signal,
  });
  const onError = (error: Error) => {
    throw error;
  };
  const listener = await listen(adapter, { host: "127.0.0.1", port: 0, onError });
  onTestFinished(() => listener.drain(0));
  const client = createClient(HealthService, createGrpcTransport({ baseUrl: listener.url }));
  const watch = (service: string, options?: CallOptions) => client.watch({ service }, options)[Symbol.asyncIterator]();
  return { health, shutdown, listener, client, watch };
}

/** The next status of a watch. */
async function next(watch: AsyncIterator<{ status: number }>): Promise<number | undefined> {
  return (await watch.next()).value?.status;
}

async function codeOf(work: Promise<unknown>): Promise<Code> {
  return work.then(
    () => expect.unreachable(),
    (error) => ConnectError.from(error).code,
  );
}

describe("Check and List", () => {
  it.each(["", SERVICE])("tell the status of '%s', which is NOT_SERVING until set", async (service) => {
    const { client, health } = await serve();

    expect(await client.check({ service })).toMatchObject({ status: Status.NOT_SERVING });
    health.set("SERVING");
    expect(await client.check({ service })).toMatchObject({ status: Status.SERVING });
    health.set("NOT_SERVING");
    expect(await client.check({ service })).toMatchObject({ status: Status.NOT_SERVING });
  });

  it("know no other service", async () => {
    const { client } = await serve();

    expect(await codeOf(client.check({ service: "other" }))).toBe(Code.NotFound);
  });

  it("name all services", async () => {
    const { client, health } = await serve();
    health.set("SERVING");

    expect((await client.list({})).statuses).toMatchObject({
      "": { status: Status.SERVING },
      [SERVICE]: { status: Status.SERVING },
    });
  });
});

describe("Watch", () => {
  it("tells the status at once, and each change", async () => {
    const { watch, health } = await serve();
    const watching = watch(SERVICE);

    expect(await next(watching)).toBe(Status.NOT_SERVING);
    health.set("SERVING");
    expect(await next(watching)).toBe(Status.SERVING);
    health.set("NOT_SERVING");
    expect(await next(watching)).toBe(Status.NOT_SERVING);
  });

  it("tells an unknown service as such, and goes on", async () => {
    const { watch, health } = await serve();
    const watching = watch("other", { timeoutMs: 300 });

    expect(await next(watching)).toBe(Status.SERVICE_UNKNOWN);
    health.set("SERVING");
    expect(await codeOf(watching.next())).toBe(Code.DeadlineExceeded);
  });

  it("ends UNAVAILABLE when the server goes down", async () => {
    const { watch, shutdown } = await serve();
    const watching = watch("");
    await next(watching);

    shutdown.abort(new ConnectError("the server is stopping", Code.Unavailable));

    expect(await codeOf(watching.next())).toBe(Code.Unavailable);
  });
});

describe("Health", () => {
  it("tells a slow watcher the newest status only, and nothing that it knows", async () => {
    const health = new Health([]);
    const watching = health.watch("", AbortSignal.timeout(100));

    expect(await watching.next()).toMatchObject({ value: "NOT_SERVING" });
    health.set("SERVING");
    health.set("NOT_SERVING");
    health.set("SERVING");
    expect(await watching.next()).toMatchObject({ value: "SERVING" });
    health.set("SERVING");
    await expect(watching.next()).rejects.toThrow("timeout");
  });

  it.each([
    { name: "while it waits", waits: true },
    { name: "before it asks", waits: false },
  ])("ends a watch whose caller leaves $name with the reason", async ({ waits }) => {
    const caller = new AbortController();
    const watching = new Health([]).watch("", caller.signal);
    await watching.next();

    const rest = waits ? watching.next() : undefined;
    caller.abort(new Error("left"));

    await expect(rest ?? watching.next()).rejects.toThrow("left");
  });
});

describe("to a client of another make", () => {
  const serialize = (service: string) =>
    Buffer.from(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service })));
  const deserialize = (bytes: Buffer) => fromBinary(HealthCheckResponseSchema, bytes).status;

  async function foreignClient() {
    const { listener, health } = await serve();
    const client = new grpc.Client(`127.0.0.1:${listener.port}`, grpc.credentials.createInsecure());
    onTestFinished(() => client.close());
    return { client, health };
  }

  it("Check and its NOT_FOUND look as they must", async () => {
    const { client } = await foreignClient();
    const check = (service: string) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest("/grpc.health.v1.Health/Check", serialize, deserialize, service, (error, status) =>
          error ? reject(error) : resolve(status),
        );
      });

    expect(await check(SERVICE)).toBe(Status.NOT_SERVING);
    await expect(check("other")).rejects.toMatchObject({ code: grpc.status.NOT_FOUND });
  });

  it("Watch streams and is cancelled", async () => {
    const { client, health } = await foreignClient();
    const call = client.makeServerStreamRequest("/grpc.health.v1.Health/Watch", serialize, deserialize, SERVICE);
    const statuses: number[] = [];
    call.on("data", (status) => statuses.push(status));
    const ended = new Promise((resolve) => call.on("error", resolve));

    await expect.poll(() => statuses).toEqual([Status.NOT_SERVING]);
    health.set("SERVING");
    await expect.poll(() => statuses).toEqual([Status.NOT_SERVING, Status.SERVING]);
    call.cancel();

    expect(await ended).toMatchObject({ code: grpc.status.CANCELLED });
  });
});
