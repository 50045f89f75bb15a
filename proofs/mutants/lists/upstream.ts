import type { Mutant, Tests } from "../mutant.ts";

const mutantOf =
  (file: string, tests: Tests) =>
  (rule: string, from: string, to: string): Mutant => ({ rule, file: `server/upstream/${file}`, from, to, tests });
const MODELS: Tests = { files: ["server/upstream/models", "server/upstream/upstreams.test.ts"] };

const stream = mutantOf("models/event-stream.ts", { files: ["server/upstream/models"] });
const config = mutantOf("models/client-config.ts", { files: ["server/upstream/models/client-config.test.ts"] });
const call = mutantOf("calls/call.ts", MODELS);
const configured = mutantOf("calls/call.ts", { files: ["server/domain/connections/client-config.test.ts"] });
const list = mutantOf("calls/list.ts", {
  files: ["server/upstream/models/vendors.test.ts", "server/domain/models/lists.test.ts"],
});

/** How endpoints are called and read. */
export const UPSTREAM: readonly Mutant[] = [
  stream("a call with an id begins a call", "second.id !== undefined || ", ""),
  stream("a call with a name begins a call", " || second.name !== undefined", ""),
  stream("pieces of calls are joined by their index", " && first.index === second.index", ""),
  stream(
    "a line without end is refused",
    "if (this.#rest.length > this.#maxLineBytes) throw tooLong(this.#httpStatus);",
    "",
  ),
  stream(
    "an event of many lines without end is refused",
    "if (this.#data.length > this.#maxLineBytes) throw tooLong(this.#httpStatus);",
    "",
  ),
  config("what would change where a request goes is refused in any spelling", '.replace(/[-_]/g, "")', ""),
  configured(
    "what the owner adds overwrites nothing of ours",
    "...target.config?.members, ...(limitName === undefined ? written : renamed(written, limitName))",
    "...(limitName === undefined ? written : renamed(written, limitName)), ...target.config?.members",
  ),
  call("a path begins with one slash", 'apiPath.replace(/^\\/+/, "")', "apiPath"),
  list(
    "a model whose name repeats the key is not passed on",
    "id.length <= MAX_CHARACTERS && !tells;",
    "id.length <= MAX_CHARACTERS;",
  ),
  list(
    "an endpoint that sends us where we are is not asked again",
    "page.next === undefined || page.next === next",
    "page.next === undefined",
  ),
  list("pages have an end", "pages < MAX_PAGES && ", ""),
];
