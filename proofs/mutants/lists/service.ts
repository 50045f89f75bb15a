import type { Mutant, Tests } from "../mutant.ts";

const mutantOf =
  (file: string, tests: Tests) =>
  (rule: string, from: string, to: string): Mutant => ({ rule, file: `server/service/${file}`, from, to, tests });

const mutations = mutantOf("call/mutations.ts", { files: ["server/service/call"] });
const ADMISSION_TESTS = { files: ["server/service/call/admission.test.ts", "server/test/access"] };
const admission = mutantOf("call/admission.ts", ADMISSION_TESTS);
const presentedKey = mutantOf("call/presented-key.ts", ADMISSION_TESTS);

/** What stands between the contract and the rules. */
export const SERVICE: readonly Mutant[] = [
  mutations(
    "secrets are not kept with an answer",
    "if (getOption(field, is_secret)) message.clear(field);",
    "if (false) message.clear(field);",
  ),
  mutations("what is only to be validated is not done", "if (request.validateOnly) {", "if (false) {"),
  mutations("the id of a request is no part of what it says", "const { requestId: _, ...said } =", "const said ="),
  mutations(
    "an rpc that is transactional takes a request_id or a validate_only",
    'if (takes && method.methodKind === "unary") return true;',
    "return true;",
  ),
  admission(
    "an rpc takes its permission",
    "!requirement.some((permission) => caller.permissions.has(permission))",
    "false",
  ),
  admission(
    "an rpc that declares no permission keeps the server from starting",
    "if (!any || declared?.anyCaller) {",
    "if (false) {",
  ),
  presentedKey(
    "two headers that say different things say nothing",
    "    if (said !== undefined && presented !== undefined && said !== presented) return undefined;\n",
    "",
  ),
];
