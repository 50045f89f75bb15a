import { setTimeout as pause } from "node:timers/promises";
import { Random } from "../../server/test/hostile/random.ts";
import { type Behaviour, behaviours, refuses, says } from "../../server/test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../server/test/upstream/scripted-upstream.ts";

/** What goes wrong with a member of a fleet. */
export type Trouble = "dies" | "limps" | "is limited" | "cuts streams";

/** The model that every member serves. */
export const MODEL = "fleet-model";
/** How long a member takes, from and to. */
const PACE_MS = { from: 5, to: 15 };
const LIMPS_TIMES = 10;

/** An endpoint on a port of its own, which can get into trouble and out of it. */
export class Member {
  readonly name: string;
  readonly url: string;
  readonly #random: Random;
  #upstream: ScriptedUpstream;
  #past = 0;

  private constructor(name: string, upstream: ScriptedUpstream, random: Random) {
    this.name = name;
    this.url = upstream.url;
    this.#upstream = upstream;
    this.#random = random;
  }

  static async start(name: string, random: Random): Promise<Member> {
    const member = new Member(name, await ScriptedUpstream.start(), random);
    member.#behave(member.#replies(1));
    return member;
  }

  /** How many requests have come so far. */
  get calls(): number {
    return this.#past + this.#upstream.requests.length;
  }

  async begin(trouble: Trouble): Promise<void> {
    if (trouble === "dies") {
      this.#past += this.#upstream.requests.length;
      await this.#upstream.close();
    } else this.#behave(this.#troubles()[trouble]);
  }

  async end(trouble: Trouble): Promise<void> {
    if (trouble === "dies") this.#upstream = await ScriptedUpstream.start({ port: Number(new URL(this.url).port) });
    this.#behave(this.#replies(1));
  }

  close(): Promise<void> {
    return this.#upstream.close();
  }

  #troubles(): Record<Exclude<Trouble, "dies">, Behaviour> {
    return {
      limps: this.#replies(LIMPS_TIMES),
      "is limited": refuses(429, { "retry-after": "2" }),
      "cuts streams": behaviours.cut as Behaviour,
    };
  }

  #replies(slowness: number): Behaviour {
    const speak = says(this.name, " says", " hello");
    return async (call) => {
      await pause((PACE_MS.from + this.#random.below(PACE_MS.to - PACE_MS.from)) * slowness);
      await speak(call);
    };
  }

  #behave(behaviour: Behaviour): void {
    this.#upstream.setModel(MODEL, behaviour);
  }
}

/** Three members, whose paces are the same again for the same seed. */
export async function startFleet(seed: number): Promise<readonly Member[]> {
  return Promise.all(["a", "b", "c"].map((name, index) => Member.start(name, new Random(seed, index))));
}
