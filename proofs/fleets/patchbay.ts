import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RouteTierSchema } from "../../gen/patchbay/v1/route_pb.ts";
import { type RouteTier, RouteTier_Policy } from "../../gen/patchbay/v1/route_pb.ts";
import { startServer } from "../../server/test/server/test-server.ts";
import { apiKey, llmRequest } from "../../server/test/service/llm-requests.ts";
import { type Member, MODEL } from "./fleet.ts";
import type { OpenGateway } from "./scenario.ts";

type Tier = MessageInitShape<typeof RouteTierSchema>;

/** Patchbay, with a route over a fleet that is called as the model is. */
export function patchbayOver(
  policy: RouteTier["policy"] = RouteTier_Policy.WEIGHTED,
  weights = [1, 1, 1],
): OpenGateway {
  return async (members) => {
    const limits = ["CHATS_PER_MINUTE", "CHAT_BYTES_PER_MINUTE", "TESTS_PER_MINUTE"].map((name) => [name, "0"]);
    const allowed = members.map(({ url }) => url).join(",");
    const server = await startServer({ EGRESS_ALLOW: allowed, ...Object.fromEntries(limits) });
    const { apiKey: key } = await server.addAccount("OWNER");
    const patchbay = server.client(key);
    const register = async ({ url, name }: Member) => {
      const said = { endpointUrl: `${url}/v1`, modelIdentifier: MODEL, credentials: apiKey(`sk-of-member-${name}`) };
      return (await patchbay.llms.createLlm(llmRequest(said))).llm?.llmId ?? "";
    };
    const llmIds = await Promise.all(members.map(register));
    const tier: Tier = { policy, targets: llmIds.map((llmId, index) => ({ llmId, weight: weights[index] ?? 1 })) };
    await patchbay.routes.createRoute({ name: MODEL, tiers: [tier] });
    return { name: "Patchbay", url: server.url, key, close: () => server.stop() };
  };
}
