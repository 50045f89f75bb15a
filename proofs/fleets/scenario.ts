import { type Member, startFleet, type Trouble } from "./fleet.ts";
import { drive, type Gateway, type Outcome } from "./load.ts";

/** How long a fleet is in trouble, and how it is asked meanwhile. */
export interface Circumstances {
  readonly seed: number;
  readonly troubleMs: number;
  /** How long a member that is well again may take until it is asked again. */
  readonly patienceMs: number;
  readonly callers: number;
  readonly paceMs: number;
}

/** What a gateway made of a fleet of which one member was in trouble. */
export interface Report {
  readonly trouble: Trouble;
  readonly calls: number;
  /** Before the first piece of a reply. */
  readonly failed: number;
  /** After it. */
  readonly cut: number;
  /** Cut without a word: the reply looks whole. */
  readonly untold: number;
  /** Calls of endpoints for each call. */
  readonly perCall: number;
  /** Of the replies while it was in trouble, how many the member gave. */
  readonly share: number;
  /** From the end of the trouble to the member's next reply; undefined if none came. */
  readonly backAfterMs: number | undefined;
}

/** Opens a gateway over a fleet. */
export type OpenGateway = (members: readonly Member[]) => Promise<Gateway & { close(): Promise<void> }>;

/** One of three gets into trouble under load, and out of it again. */
export async function runScenario(open: OpenGateway, trouble: Trouble, asked: Circumstances): Promise<Report> {
  const members = await startFleet(asked.seed);
  const [patient] = members as readonly [Member];
  const gateway = await open(members);
  const { callers, paceMs } = asked;
  try {
    await drive(gateway, { callers, goOn: (made) => made < 30 });
    const before = callsOf(members);
    await patient.begin(trouble);
    const endsAt = Date.now() + asked.troubleMs;
    const during = await drive(gateway, { callers, paceMs, goOn: () => Date.now() < endsAt });
    const endpointCalls = callsOf(members) - before + sumOf(during, ({ unheard }) => unheard);
    await patient.end(trouble);
    const backAfterMs = await untilBack(gateway, patient, asked);
    const replies = during.filter(({ result }) => result === "ok");
    return {
      trouble,
      calls: during.length,
      failed: during.filter(({ result }) => result === "failed").length,
      cut: during.filter(({ result }) => result === "cut").length,
      untold: during.filter(({ isTold }) => !isTold).length,
      perCall: endpointCalls / during.length,
      share: replies.filter(({ member }) => member === patient.name).length / Math.max(replies.length, 1),
      backAfterMs,
    };
  } finally {
    await gateway.close();
    await Promise.all(members.map((member) => member.close()));
  }
}

async function untilBack(gateway: Gateway, patient: Member, { callers, paceMs, patienceMs }: Circumstances) {
  const since = Date.now();
  let isBack = false;
  const first = await new Promise<Outcome | undefined>((resolve) => {
    const one = async () => {
      while (!isBack && Date.now() - since < patienceMs) {
        const outcomes = await drive(gateway, { callers: 1, paceMs, goOn: (made) => made < 1 });
        const found = outcomes.find(({ result, member }) => result === "ok" && member === patient.name);
        if (!found) continue;
        isBack = true;
        resolve(found);
      }
    };
    void Promise.all(Array.from({ length: callers }, one)).then(() => resolve(undefined));
  });
  return first && first.endedAt - since;
}

function callsOf(members: readonly Member[]): number {
  return sumOf(members, ({ calls }) => calls);
}

function sumOf<T>(items: readonly T[], numberOf: (item: T) => number): number {
  return items.reduce((sum, item) => sum + numberOf(item), 0);
}
