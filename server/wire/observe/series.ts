import type { Histogram as PromHistogram, Registry } from "prom-client";

/** The values of the labels of a series, in the order of their names; at most three. */
export type LabelValues = readonly [first: string, second: string, third?: string];

/**
 * What is counted for each set of labels, found by three lookups that make nothing. prom-client makes a text of the labels for
 * each observation, and a chat has nine: that took a tenth of its CPU.
 */
export class SeriesMap<Series> {
  readonly #labelNames: readonly string[];
  readonly #create: () => Series;
  readonly #byValues = new Map<string, Map<string, Map<string, Series>>>();

  constructor(labelNames: readonly string[], create: () => Series) {
    this.#labelNames = labelNames;
    this.#create = create;
  }

  /** The series of these values, which begins when it is first asked for. */
  at(...[first, second, third = ""]: LabelValues): Series {
    return this.#byValues.get(first)?.get(second)?.get(third) ?? this.#begin(first, second, third);
  }

  /** All that have begun, each with its labels by their names. */
  *entries(): Generator<{ readonly labels: Record<string, string>; readonly series: Series }> {
    for (const [first, bySecond] of this.#byValues) {
      for (const [second, byThird] of bySecond) {
        for (const [third, series] of byThird) {
          const values = [first, second, third];
          const labels = Object.fromEntries(this.#labelNames.map((name, index) => [name, values[index] ?? ""]));
          yield { labels, series };
        }
      }
    }
  }

  #begin(first: string, second: string, third: string): Series {
    const bySecond = this.#byValues.get(first) ?? new Map<string, Map<string, Series>>();
    const byThird = bySecond.get(second) ?? new Map<string, Series>();
    const series = this.#create();
    this.#byValues.set(first, bySecond.set(second, byThird.set(third, series)));
    return series;
  }
}

/** What a histogram knows of one set of labels. */
interface Observed {
  /** How many were in each bucket, and in none below. */
  readonly counts: number[];
  count: number;
  sum: number;
}

export interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** The upper bounds of the buckets, the smallest first; that without a bound is always there. */
  readonly buckets: readonly number[];
  readonly registry: Registry;
}

/** A histogram of Prometheus, in place of prom-client's. */
export class Histogram {
  readonly name: string;
  readonly help: string;
  readonly type = "histogram";
  readonly aggregator = "sum";
  readonly #buckets: readonly number[];
  readonly #observed: SeriesMap<Observed>;

  constructor({ name, help, labelNames, buckets, registry }: HistogramOptions) {
    this.name = name;
    this.help = help;
    this.#buckets = buckets;
    this.#observed = new SeriesMap(labelNames, () => ({ counts: buckets.map(() => 0), count: 0, sum: 0 }));
    // Of a metric, a registry asks for nothing but its name and its values.
    registry.registerMetric(this as unknown as PromHistogram);
  }

  observe(value: number, ...labels: LabelValues): void {
    const observed = this.#observed.at(...labels);
    observed.count += 1;
    observed.sum += value;
    for (let index = 0; index < this.#buckets.length; index++) {
      if (value > (this.#buckets[index] as number)) continue;
      observed.counts[index] = (observed.counts[index] as number) + 1;
      return;
    }
  }

  /** How many were observed, by their labels. */
  *counts(): Generator<{ readonly labels: Record<string, string>; readonly count: number }> {
    for (const { labels, series } of this.#observed.entries()) yield { labels, count: series.count };
  }

  /** What the registry writes. */
  async get() {
    const values = [...this.#observed.entries()].flatMap(({ labels, series: { counts, count, sum } }) => {
      const bucket = (le: number | string, value: number) => ({
        metricName: `${this.name}_bucket`,
        labels: { le, ...labels },
        value,
      });
      let below = 0;
      return [
        ...this.#buckets.map((bound, index) => {
          below += counts[index] as number;
          return bucket(bound, below);
        }),
        bucket("+Inf", count),
        { metricName: `${this.name}_sum`, labels, value: sum },
        { metricName: `${this.name}_count`, labels, value: count },
      ];
    });
    return { name: this.name, help: this.help, type: this.type, aggregator: this.aggregator, values };
  }
}
