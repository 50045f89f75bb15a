import type { ScriptedCall } from "../../server/test/upstream/scripted-upstream.ts";

/** A turn as the database has it, with its usage rows. */
export type Turns = readonly {
  readonly sessionId: string;
  readonly sequence: number;
  readonly state: string;
  readonly requestId: string;
  readonly hasReply: boolean;
  readonly usages: number;
  readonly cost: string;
}[];

/** What a token costs in the torture, of the prompt as of the reply. */
export const RATE = 1_000_000n;

/** What is said in a turn; it names the turn. */
export const words = (sessionId: string, requestId: string) => `${sessionId} ${requestId}`;

/** All that is wrong: with the turns, and with what the model was sent. */
export function violations(
  turns: Turns,
  acknowledged: ReadonlySet<string>,
  calls: readonly ScriptedCall[],
): readonly string[] {
  const wrong: string[] = [];
  const completed = new Set<string>();
  const lastCalls = new Map(calls.map((call) => [messagesOf(call).at(-1)?.content ?? "", call]));
  let cost = 0n;
  let ledger = 0n;
  for (const turn of turns) {
    const name = words(turn.sessionId, turn.requestId);
    const isCompleted = turn.state === "COMPLETED";
    if (turn.state === "PENDING") wrong.push(`${name} is still running`);
    if (turn.hasReply !== isCompleted)
      wrong.push(`${name} is ${turn.state} and has ${turn.hasReply ? "a" : "no"} reply`);
    if (turn.usages !== (isCompleted ? 1 : 0)) wrong.push(`${name} is ${turn.state} and has ${turn.usages} usage rows`);
    if (!isCompleted) continue;
    completed.add(name);
    const { tokens } = lastCalls.get(name) ?? {};
    if (!tokens) wrong.push(`${name} is completed, and the model was never asked`);
    cost += BigInt(turn.cost);
    ledger += BigInt((tokens?.input ?? 0) + (tokens?.output ?? 0)) * RATE;
  }
  if (cost !== ledger) wrong.push(`the turns cost ${cost}, and the model's ledger says ${ledger}`);
  for (const name of acknowledged) if (!completed.has(name)) wrong.push(`${name} was answered, and is not completed`);
  for (const call of calls) {
    const roles = messagesOf(call).map(({ role }) => role);
    const alternates = roles.every((role, index) => role === (index % 2 === 0 ? "user" : "assistant"));
    if (!alternates || roles.at(-1) !== "user") wrong.push(`the model was sent ${roles.join(", ")}`);
  }
  return wrong;
}

function messagesOf({ body }: ScriptedCall): { role: string; content: string }[] {
  return body.messages as { role: string; content: string }[];
}
