import { ApiKey_Role } from "../../gen/patchbay/v1/api_key_pb.ts";
import { HttpClient } from "../load/http1.ts";
import { closedLoop } from "../load/loops.ts";
import { printResults } from "../measure/print.ts";
import { type Contender, measure } from "../measure/rounds.ts";
import { chatRest } from "./requests.ts";
import type { Row } from "./row.ts";

const IN_FLIGHT = 16;
const FREE = "a key without limits";
const LIMITED = "a key with every limit but a budget";
/** More than a run takes. */
const LIMITS = {
  allowedModels: [] as string[],
  requestsPerMinute: 1_000_000,
  tokensPerMinute: 1_000_000_000n,
  parallelCalls: 1_000,
};

/** What limits cost a chat whose key has them: one that has none shall pay for nothing of it. */
export const limits: Row = {
  name: "limits",
  what: "chat with a key that has limits",
  async run(stage, plan) {
    const [patchbay, databasePid] = [await stage.patchbay(), await stage.databasePid()];
    const limited = {
      displayName: "limited",
      role: ApiKey_Role.MEMBER,
      limits: { ...LIMITS, allowedModels: [patchbay.llmIds.brief] },
    };
    const { key } = await patchbay.client.access.createApiKey(limited);
    const client = new HttpClient(patchbay.url, IN_FLIGHT);
    const contender = (name: string, authorization: string): Contender => {
      const request = chatRest(name, "brief", false, { ...patchbay, authorization });
      return {
        name,
        pid: patchbay.pid,
        databasePid,
        load: (ms) => closedLoop(() => client.call(request), IN_FLIGHT, ms),
      };
    };
    try {
      const results = await measure(
        [contender(FREE, patchbay.authorization), contender(LIMITED, `Bearer ${key}`)],
        plan,
      );
      printResults(`chat, not streamed, REST, ${IN_FLIGHT} in flight`, results);
      const what = "chat with every limit but a budget, with PostgreSQL";
      return [
        {
          what,
          against: `${FREE}, CPU`,
          target: 2.5,
          figure: results.ratio(LIMITED, FREE, "bothUs"),
          unit: "" as const,
        },
      ];
    } finally {
      client.close();
    }
  },
};
