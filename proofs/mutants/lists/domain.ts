import type { Mutant, Tests } from "../mutant.ts";

const mutantOf =
  (file: string, tests: Tests) =>
  (rule: string, from: string, to: string, named?: string): Mutant => ({
    rule,
    file: `server/domain/${file}`,
    from,
    to,
    tests: named === undefined ? tests : { ...tests, named },
  });
const beside = (file: string): Tests => ({ files: [`server/domain/${file}`] });

const turns = mutantOf("chat/turns.ts", beside("chat/sessions.test.ts"));
const history = mutantOf("chat/history.ts", beside("chat/history.test.ts"));
const sessions = mutantOf("chat/sessions.ts", { files: ["server/domain/chat/sessions.test.ts"] });
const llms = mutantOf("llms/llms.ts", beside("llms/llms.test.ts"));
const deletion = mutantOf("llms/llms.ts", beside("llms/deletion.test.ts"));
const checks = mutantOf("llms/llms.ts", beside("background/checks.test.ts"));
const values = mutantOf("llms/values.ts", beside("llms/llms.test.ts"));
const refs = mutantOf("connections/secret-refs.ts", beside("connections/secret-refs.test.ts"));
const endpoint = mutantOf("connections/endpoint.ts", beside("connections/endpoint.test.ts"));
const status = mutantOf("connections/faults.ts", beside("providers/probes.test.ts"));
const grant = mutantOf("access/grant.ts", {
  files: ["server/domain/access/grant.test.ts", "server/domain/access/issued-keys.test.ts"],
});
const callers = mutantOf("access/callers.ts", beside("access/callers.test.ts"));
const scope = mutantOf("call/scope.ts", { files: ["server/test/access"] });
const paging = mutantOf("call/paging.ts", beside("llms/list.test.ts"));
const once = mutantOf("call/answer-once.ts", { files: ["server/service/call/mutations.test.ts"] });
const budgets = mutantOf("usage/budgets.ts", beside("usage/budgets.test.ts"));
const providers = mutantOf("providers/values.ts", beside("providers/providers.test.ts"));
const served = mutantOf("chat/served.ts", { files: ["server/domain/chat", "server/domain/background/checks.test.ts"] });

const OTHER = "is refused if it says other";

/** The registry's and the chats' rules. */
export const DOMAIN: readonly Mutant[] = [
  // Turns that are repeated.
  ...["tools", "toolChoice", "responseFormat", "sampling"].map((name) =>
    turns(
      `${name} is part of what a turn says`,
      "canonicalJson(form)",
      `canonicalJson({ ...form, ${name}: 0 })`,
      OTHER,
    ),
  ),
  turns(
    "the messages are part of what a turn says",
    'digest("turn", encodeMessages(messages), ',
    'digest("turn", ',
    "is answered as it was",
  ),
  turns(
    "a turn that was completed is not made again",
    'if (known.state === "COMPLETED")',
    "if (false)",
    "is answered as it was",
  ),
  turns(
    "a turn that runs is not begun twice",
    'if (known.state === "PENDING") throw busy(known.id);',
    "",
    "is busy while it runs",
  ),
  turns("a session stays with its Llm", "if (session.llmId !== llm.id)", "if (false)"),
  // What is sent again.
  history("the turn that called tools comes along with their results", "if (turn.answersTools) continue;", ""),
  history("what does not fit is left out", "if (left < 0 && !isNeeded) break;", ""),
  history(
    "calls that a result answers come along even if they do not fit",
    "let isNeeded = answersTools;",
    "let isNeeded = false;",
  ),
  history("every call has a result", "return [...results, ...missing, ", "return [...results, "),
  history(
    "system messages of old turns go first, and not in between",
    "...answered(calls, withoutSystem(said))",
    "...answered(calls, said)",
  ),
  history("replies are the model's", "if (assistant >= 0)", "if (false)"),
  history("a result answers one call", 'ids.delete(toolCallId ?? "")', 'ids.has(toolCallId ?? "")'),
  sessions("sessions of others take a permission", "  requireReach(scope, accountId, own);\n", ""),
  served(
    "an Llm that is disabled is not chatted with",
    "if (!llm.disabled) return;",
    "return;",
    "refuses chats over every server",
  ),
  // Llms.
  checks(
    "a change that does not decide on checks leaves their time alone",
    "if (checkedOf(llm) !== before)",
    "if (true)",
    "keep their time",
  ),
  checks(
    "a change that decides on checks schedules them",
    "if (checkedOf(llm) !== before)",
    "if (false)",
    "keep their time",
  ),
  checks("another connection is checked at once", 'connectionDigest.toString("base64")', '""', "keep their time"),
  deletion("of deleted Llms those are told who may delete", '  requirePermission(scope, "DELETE_LLM_OWN");\n', ""),
  llms("a change is made to the version that it names", "        requireEtag(llm, change.etag);\n", ""),
  values(
    "a duplicate is named to those who may read it",
    "reachable === undefined || reachable === llm.owner\n",
    "true\n",
    "does not name a duplicate",
  ),
  values(
    "a repeated creation says that it is one",
    "String(requestDigest.equals(existing.requestDigest))",
    '"false"',
    "repeated request",
  ),
  values(
    "a creation that differs does not say that it is repeated",
    "String(requestDigest.equals(existing.requestDigest))",
    '"true"',
    "refuses a duplicate",
  ),
  // Connections.
  refs("a burst of refused keys forgets a secret once", " && heldForMs >= FAILURE_HELD_MS", "", "burst of refusals"),
  refs(
    "the server's own settings are never given out",
    'if (ref.scheme === "env" && isOwnVariable',
    "if (false && isOwnVariable",
  ),
  refs(
    "a secret is not held for longer than it may be",
    "{ ttl: this.#heldMs }",
    "{ ttl: 600_000 }",
    "not held for longer",
  ),
  refs(
    "many who ask at once ask its source once",
    "this.#held.get(key) ?? this.#hold",
    "this.#hold",
    "many chats at once",
  ),
  refs("the new line that ends a file is no part of a secret", '?.replace(/\\r?\\n$/, "")', ""),
  refs("what is no key is not sent as one", "if (!isInlineSecret(value))", "if (false)"),
  endpoint(
    "an endpoint has no user name",
    "if (url.username || url.password || /^[a-z]+:[\\\\/]*[^/\\\\?#]*@/i.test(raw.trim())) {",
    "if (false) {",
  ),
  endpoint("an endpoint has no query", 'if (url.search || raw.includes("?"))', "if (false)"),
  endpoint("a trailing dot is the same host", '  url.hostname = url.hostname.replace(/\\.$/, "");\n', ""),
  endpoint("escapes that need none are undone", ": escaped.toUpperCase();", ": escaped;"),
  status("a test that proved nothing changes nothing", 'new Set(["INCONCLUSIVE", ', "new Set(["),
  // Access.
  grant("no key may do what its maker may not", "if (excess !== undefined)", "if (false)"),
  grant("no key works longer than the one it was made with", "if (grant.endsAt > endsAt)", "if (false)"),
  grant("what one may do to one's own account is not given to keys of others", "accountId === grantedTo && ", ""),
  grant("scopes leave a part of what the role may do", "scopes.length === 0 ? ROLES[role]", "true ? ROLES[role]"),
  callers("a token with several roles has none", "roles.length === 1 ? roles[0] : undefined", "roles[0]"),
  callers("tokens are for us", "        audience,\n", ""),
  callers("tokens are of the issuer", "        issuer,\n", ""),
  callers("a token names an account that is there", "    if (!account) throw refused();\n", ""),
  scope("one reaches one's own things only", "? undefined : scope.caller.accountId", "? undefined : undefined"),
  paging(
    "a page token is what we gave",
    "if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return undefined;",
    "",
  ),
  paging("a page token is for the same list", "JSON.stringify(key), position", '"", position'),
  paging("there are no more rows on a page than were asked for", "found.slice(0, size)", "found"),
  once("a request_id is for one request", "if (earlier.digest.equals(digest)) return", "if (true) return"),
  once(
    "an answer of an earlier contract is not read as one of this",
    "if (earlier.contractVersion !== CONTRACT_VERSION) throw outdated(requestId);",
    "",
  ),
  once("what is rehearsed is taken back", "await em.rollback();", "await em.commit();"),
  // Money.
  budgets("a budget that somebody else imposed is theirs to delete", "if (budget.isImposed && !mayAll)", "if (false)"),
  budgets("what may cost more than is left is refused", "if (!result.isReserved && refusing)", "if (false)"),
  budgets(
    "what costs nobody knows what is refused where a budget refuses",
    "if (cost === undefined && (await isRefusing(scope, llm)))",
    "if (false)",
  ),
  budgets("what a server that died had reserved is given back", "      await releaseReservations(scope.em);\n", ""),
  providers(
    "a Provider is changed from the version that is named",
    'if (etag === "" || etag === etagOf(provider)) return;',
    "return;",
  ),
];
