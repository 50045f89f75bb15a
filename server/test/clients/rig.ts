import { startServer, type TestServer } from "../server/test-server.ts";
import { ScriptedUpstream } from "../upstream/scripted-upstream.ts";

/** A server, the upstream that its Llms may reach, and an account to call as. */
export interface Rig {
  readonly server: TestServer;
  readonly upstream: ScriptedUpstream;
  /** `host:port`, as clients of gRPC want it. */
  readonly address: string;
  readonly accountId: string;
  /** Of an OWNER. */
  readonly apiKey: string;
  /** What an Llm of the upstream has as its endpoint. */
  readonly endpointUrl: string;
  stop(): Promise<void>;
}

export async function startRig(settings: Record<string, string> = {}): Promise<Rig> {
  const upstream = await ScriptedUpstream.start();
  const server = await startServer({ EGRESS_ALLOW: upstream.url, ...settings });
  const { accountId, apiKey } = await server.addAccount("OWNER");
  return {
    server,
    upstream,
    address: new URL(server.url).host,
    accountId,
    apiKey,
    endpointUrl: `${upstream.url}/v1`,
    async stop() {
      await server.stop();
      await upstream.close();
    },
  };
}
