import tab from "@bomb.sh/tab/commander";
import type { JsonObject } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { connect } from "./calls/connection.ts";
import { Contexts } from "./calls/contexts.ts";
import { readEnvironment } from "./environment.ts";
import { addExamples } from "./invocation.ts";
import { argumentOf } from "./resources/noun-inputs.ts";
import { NOUNS, type Noun } from "./resources/nouns.ts";

/** How long a shell waits for names; then there are none. */
const PATIENCE_SECONDS = 2;

/** How many things of a kind are looked at. */
const MAX_NAMES = 1_000;

/** Words of Cobra's protocol for shells: complete files, and do not. */
const FILES = ":0\n";
const NO_FILES = ":4\n";

/** What bash's script takes from the package bash-completion, for where that is not installed. */
const BASH_ALONE = `# patchbay: completion for bash
declare -F _get_comp_words_by_ref >/dev/null || _get_comp_words_by_ref() {
    cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD
}
`;

/** What the word that is typed stands for: the name of a value in help, such as `llm` or `path`. */
interface Place {
  readonly value: string | undefined;
  readonly typed: string;
  readonly context: string | undefined;
  readonly url: string | undefined;
}

/** A name that is offered, with what it is. */
type Offer = readonly [name: string, about: string];

/** `completion SHELL`, to be added when all other commands are. What a script asks is answered by `complete`, with names. */
export function addCompletion(program: Command): void {
  const commands = tab(program, { completionCommandName: "completion" });
  const completion = program.commands.find((each) => each.name() === "completion");
  completion
    ?.helpGroup("More:")
    .description("print a script that completes commands, flags and names: bash, zsh, fish or powershell");
  if (completion) addExamples(completion, ["patchbay completion bash > patchbay.bash", "patchbay completion fish"]);
  completion?.hook("preAction", (_, { args: [shell] }) => {
    if (shell === "bash") process.stdout.write(BASH_ALONE);
  });
  const asked = program.commands.find((each) => each.name() === "complete");
  asked?.action(async (words: string[]) => {
    const place = placeOf(program, words);
    if (place.value === "path" || place.value === "config") return void process.stdout.write(FILES);
    const offers = await offersFor(place);
    if (offers === undefined) return commands.parse([...words]);
    const fitting = offers.filter(([name]) => name.startsWith(place.typed));
    process.stdout.write(`${fitting.map(([name, about]) => `${name}\t${about}\n`).join("")}${NO_FILES}`);
  });
}

function placeOf(program: Command, words: readonly string[]): Place {
  let command = program;
  let pending: string | undefined;
  let position = 0;
  const given: Record<string, string> = {};
  for (const word of words.slice(0, -1)) {
    if (pending !== undefined) {
      given[pending] = word;
      pending = undefined;
      continue;
    }
    const inner = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (word.startsWith("-")) pending = word.includes("=") ? undefined : valueNameOf(program, command, word);
    else if (inner) command = inner;
    else position++;
  }
  const typed = words.at(-1) ?? "";
  const last = command.registeredArguments.at(-1);
  const argument = command.registeredArguments[position] ?? (last?.variadic ? last : undefined);
  const isFlag = pending === undefined && typed.startsWith("-");
  const value = pending ?? (isFlag ? undefined : (CONTEXTS.get(command.name()) ?? argument?.name()));
  return { value, typed, context: given.context, url: given.url };
}

/** Commands whose argument is the name of a context. */
const CONTEXTS: ReadonlyMap<string, string> = new Map([
  ["use", "context"],
  ["logout", "context"],
]);

/** What the value of a flag is called; undefined for one that takes none. */
function valueNameOf(program: Command, command: Command, word: string): string | undefined {
  const option = [...command.options, ...program.options].find(({ short, long }) => short === word || long === word);
  if (!option || (!option.required && !option.optional)) return undefined;
  if (option.long === "--context" || option.long === "--url") return option.long.slice(2);
  return /[<[]([^>\].]+)/.exec(option.flags)?.[1];
}

/** What may be typed there; undefined where the server knows nothing of it. A shell is told of no failure. */
async function offersFor({ value, typed, context, url }: Place): Promise<readonly Offer[] | undefined> {
  const environment = readEnvironment();
  try {
    if (value === "context") {
      const { contexts } = new Contexts(environment).read();
      return Object.entries(contexts).map(([name, { url: address }]) => [name, address]);
    }
    const nouns = NOUNS.filter((each) => nounsOf(value).includes(each.plural) || argumentOf(each) === value);
    if (nouns.length === 0) return undefined;
    const connection = await connect(environment, { context, url, timeoutSeconds: PATIENCE_SECONDS });
    // Of a list with commas, the last one.
    const head = isList(value) ? typed.slice(0, typed.lastIndexOf(",") + 1) : "";
    const found = nouns.map(async (noun) => {
      const answer = await connection.call(noun.list, { pageSize: MAX_NAMES });
      return ((answer[noun.items] ?? []) as JsonObject[]).map((thing) => offerOf(noun, thing));
    });
    return (await Promise.all(found)).flat().map(([name, about]) => [head + name, about]);
  } catch {
    return [];
  }
}

/** What a value that has no noun's name is of. */
function nounsOf(value: string | undefined): readonly string[] {
  if (value === "llms") return ["llms"];
  if (value === "account") return ["accounts"];
  return value === "llm-or-route" || value === "names" ? ["llms", "routes"] : [];
}

function isList(value: string | undefined): boolean {
  return value === "llms" || value === "names";
}

/** As people name it: an Llm by its alias, what has no name by its id. */
function offerOf(noun: Noun, thing: JsonObject): Offer {
  const { alias, name, displayName, modelIdentifier } = thing;
  const about = [alias || name ? displayName : "", displayName, modelIdentifier].find(Boolean) ?? "";
  return [String(alias || name || thing[noun.id]), String(about).replace(/\s+/g, " ")];
}
