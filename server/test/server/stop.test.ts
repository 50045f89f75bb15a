import { connect } from "node:http2";
import { join } from "node:path";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPatchbay, problemOf } from "../../../client/llm.ts";
import { makeApiKey } from "../../domain/access/api-key-format.ts";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";
import { llmRequest } from "../service/llm-requests.ts";
import { createDatabase, type TestDatabase } from "../store/databases.ts";
import { saysSlowly } from "../upstream/behaviours.ts";
import { ScriptedUpstream } from "../upstream/scripted-upstream.ts";
import { ServerProcess } from "./server-process.ts";

const STREAMS = 50;

let upstream: ScriptedUpstream;
let database: TestDatabase;
let folder: ReturnType<typeof makeTemporaryFolder>;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  database = await createDatabase();
  folder = makeTemporaryFolder("stop");
});
afterAll(async () => {
  await upstream.close();
  await database.drop();
  folder.remove();
});

describe("SIGTERM", () => {
  it("lets calls finish, ends the others with UNAVAILABLE, and is done in 10 s", async () => {
    const key = makeApiKey().reveal();
    const server = new ServerProcess({
      DATABASE_URL: database.url,
      KEYRING_FILE: join(folder.path, "keyring"),
      BOOTSTRAP_API_KEY: key,
      EGRESS_ALLOW: upstream.url,
      LOG_LEVEL: "warn",
    });
    const url = await server.url();
    const grpc = createPatchbay({ url, apiKey: key, transport: (options) => createGrpcTransport(options) });
    const http1 = createPatchbay({
      url,
      apiKey: key,
      transport: (options) => createConnectTransport({ ...options, httpVersion: "1.1" }),
    });
    const create = async (model: string) => {
      const { llm } = await grpc.llms.createLlm(
        llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: model }),
      );
      return llm?.llmId ?? "";
    };
    const stalling = await create("stalling");
    upstream.setModel("finishing", saysSlowly(300, "a", "b", "c", "d"));
    const finishing = await create("finishing");

    let begun = 0;
    const read = async (patchbay: typeof grpc, llmId: string): Promise<string> => {
      try {
        let last = "";
        for await (const { event } of patchbay.chat.streamChat({ llmId, message: "Hi" })) {
          if (event.case === "start") begun++;
          last = event.case ?? "";
        }
        return last;
      } catch (error) {
        return problemOf(error).code;
      }
    };
    const stuck = Array.from({ length: STREAMS }, (_, n) => read(n % 2 === 0 ? grpc : http1, stalling));
    const idle = Array.from({ length: 5 }, () => connect(url).on("error", () => {}));
    await expect.poll(() => begun, { timeout: 10_000 }).toBe(STREAMS);
    const running = [read(grpc, finishing), read(http1, finishing)];
    await expect.poll(() => begun, { timeout: 10_000 }).toBe(STREAMS + 2);

    const stoppedAt = Date.now();
    expect(await server.end("SIGTERM")).toBe(0);
    expect(Date.now() - stoppedAt).toBeLessThan(10_000);
    expect(new Set(await Promise.all(stuck))).toEqual(new Set(["Unavailable"]));
    expect(await Promise.all(running)).toEqual(["end", "end"]);
    for (const session of idle) session.destroy();
  });
});
