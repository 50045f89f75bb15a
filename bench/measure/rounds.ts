import type { Timing } from "../load/loops.ts";
import { canMeasureCpu, FamilyCpu, ProcessCpu } from "./cpu.ts";
import { type Figure, figureOf, percentile } from "./stats.ts";

/** After about so many calls V8 has compiled what it will; it takes a server some ten seconds of work. */
const WARM_CALLS = 10_000;
const WARM_TURNS = 6;

/** How long a run takes. */
export interface Plan {
  readonly rounds: number;
  /** Every contender is warmed up for this long, and up to six times as long if it has had few calls. */
  readonly warmUpMs: number;
  readonly roundMs: number;
  /** Processes started afresh, where that is what is measured. */
  readonly starts: number;
  /** How much of the data of a year is made; 1 for all. */
  readonly scale: number;
}

/** One way to do the same thing, to be compared with the others of its row. */
export interface Contender {
  readonly name: string;
  /** The process whose CPU time counts; undefined for none. */
  readonly pid: number | undefined;
  /** The PostgreSQL that it works with, whose CPU time is told apart; undefined for none. */
  readonly databasePid?: number | undefined;
  /** Makes calls for about this long; throws at the first answer that is not the expected one. */
  load(ms: number): Promise<readonly Timing[]>;
}

/** What one contender did in one round. */
export interface Sample {
  readonly cpuUs: number;
  /** Of its PostgreSQL; 0 without one. */
  readonly databaseUs: number;
  readonly bothUs: number;
  readonly waitShare: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly firstMs: number;
  readonly perSecond: number;
}

/** What can be compared. */
export type Metric = keyof Sample;

/** The samples of all rounds. */
export class Results {
  readonly names: readonly string[];
  readonly #samples: ReadonlyMap<string, readonly Sample[]>;

  constructor(samples: ReadonlyMap<string, readonly Sample[]>) {
    this.#samples = samples;
    this.names = [...samples.keys()];
  }

  figure(name: string, metric: Metric): Figure {
    return figureOf(this.#of(name).map((sample) => sample[metric]));
  }

  /** One contender in terms of another: round by round, since what slows one mostly slows its neighbour too. */
  ratio(name: string, against: string, metric: Metric): Figure {
    return this.#compare(name, against, metric, (a, b) => a / b);
  }

  /** How much more one contender takes than another, round by round. */
  added(name: string, against: string, metric: Metric): Figure {
    return this.#compare(name, against, metric, (a, b) => a - b);
  }

  #compare(name: string, against: string, metric: Metric, compare: (a: number, b: number) => number): Figure {
    const others = this.#of(against);
    return figureOf(
      this.#of(name).map((sample, round) => compare(sample[metric], others[round]?.[metric] ?? Number.NaN)),
    );
  }

  #of(name: string): readonly Sample[] {
    const samples = this.#samples.get(name);
    if (!samples) throw new Error(`nothing was measured of ${name}`);
    return samples;
  }
}

/** Warms every contender up, then measures all of them in each round, each round beginning with another one. */
export async function measure(contenders: readonly Contender[], plan: Plan): Promise<Results> {
  const samples = new Map(contenders.map(({ name }): [string, Sample[]] => [name, []]));
  for (const contender of contenders) await warmUp(contender, plan.warmUpMs);
  for (let round = 0; round < plan.rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(round + turn) % contenders.length] as Contender;
      samples.get(contender.name)?.push(await sample(contender, plan.roundMs));
    }
  }
  return new Results(samples);
}

async function warmUp({ load }: Contender, ms: number): Promise<void> {
  let calls = 0;
  for (let turn = 0; turn < WARM_TURNS && calls < WARM_CALLS; turn++) calls += (await load(ms)).length;
}

async function sample({ pid, databasePid, load }: Contender, ms: number): Promise<Sample> {
  const server = pid === undefined ? undefined : new ProcessCpu(pid);
  const database = databasePid === undefined ? undefined : new FamilyCpu(databasePid);
  const databaseNs = () => database?.read().runNs ?? 0;
  const startedAt = performance.now();
  const databaseBefore = databaseNs();
  const before = server?.read();
  const timings = await load(ms);
  const after = server?.read();
  const databaseUs = (databaseNs() - databaseBefore) / 1_000 / timings.length;
  const seconds = (performance.now() - startedAt) / 1_000;
  const isCounted = before !== undefined && after !== undefined && canMeasureCpu;
  const runNs = isCounted ? after.runNs - before.runNs : Number.NaN;
  const waitNs = isCounted ? after.waitNs - before.waitNs : Number.NaN;
  const times = timings.map(({ ms }) => ms);
  const cpuUs = runNs / 1_000 / timings.length;
  return {
    cpuUs,
    databaseUs,
    bothUs: cpuUs + databaseUs,
    waitShare: waitNs / (runNs + waitNs),
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    firstMs: percentile(
      timings.map(({ firstMs }) => firstMs),
      0.5,
    ),
    perSecond: timings.length / seconds,
  };
}
