/** Pretends to be an LLM, for tours without one: it speaks OpenAI's and Anthropic's API and repeats what it is told. */

import { saysSlowly } from "../server/test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../server/test/upstream/scripted-upstream.ts";

const PORT = 9100;
const PACE_MS = 40;

const upstream = await ScriptedUpstream.start({
  port: PORT,
  otherwise: (call) => {
    const messages = (call.body.messages ?? []) as { content?: unknown }[];
    const said = String(messages.at(-1)?.content ?? "");
    const words = `You said: ${said}`.match(/\S+\s*/g) ?? [];
    return saysSlowly(call.isStreamed ? PACE_MS : 0, ...words)(call);
  },
});
console.log(`A pretended LLM at ${upstream.url}/v1 (any model, any key). Let Patchbay use it:

  EGRESS_ALLOW=${upstream.url} npm start
`);
