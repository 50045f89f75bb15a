import { getOption } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requirement } from "../../../gen/patchbay/v1/permission_pb.ts";
import { SERVICES } from "../../service/services.ts";
import { CALLS } from "./calls.ts";
import { call, WAYS } from "./ways.ts";
import { OWN_MARK, World } from "./world.ts";

const METHODS = SERVICES.flatMap((service) => service.methods);

let world: World;
/** Of an OWNER who may use one Llm only, and none of the things of the account that the calls are about. */
let key: string;
beforeAll(async () => {
  world = await World.make();
  key = await world.keyByName();
});
afterAll(() => world.close());

describe("an OWNER's key that may use one Llm only", () => {
  const way = WAYS.find(({ protocol, header }) => protocol === "Connect" && header === "authorization");

  it.each(METHODS.map((method) => [`${method.parent.name}.${method.name}`, method] as const))(
    "learns nothing by %s of what it may not use",
    async (name, method) => {
      if (!way || getOption(method, requirement).anyCaller) return;
      const { request: makeRequest, isEndless = false } = CALLS[name] as NonNullable<(typeof CALLS)[string]>;
      const request = await makeRequest(world, "own");
      const { transport, close } = way.open(world.server.url);
      const { said } = await call(transport, { method, request, isEndless }, way.header, key);
      close();
      // What the caller has said themselves may be said to them.
      const asked = JSON.stringify(request);
      const { llmId, apiKeyId, sessionId, budgetId, routeId } = world.things("own");
      for (const secret of [llmId, apiKeyId, sessionId, budgetId, routeId, `fine-${OWN_MARK}`]) {
        if (!asked.includes(secret)) expect(said).not.toContain(secret);
      }
    },
  );

  it.each(["/v1/models", "/llm-providers", "/api/integrations", "/v1/llms/default", "/v1/models/default"])(
    "learns nothing at %s",
    async (path) => {
      const response = await fetch(`${world.server.url}${path}`, { headers: { authorization: `Bearer ${key}` } });
      const said = await response.text();
      for (const secret of [world.things("own").llmId, `fine-${OWN_MARK}`]) expect(said).not.toContain(secret);
    },
  );
});
