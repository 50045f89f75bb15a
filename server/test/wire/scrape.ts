/** What `/metrics` of a server says: each value by its name and labels, as they are written, such as `a{b="c"}`. */
export async function scrape(url: string): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`${url}/metrics`);
  if (response.status !== 200) throw new Error(`/metrics answered with ${response.status}`);
  const samples = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    samples.map((line): [string, number] => {
      const [, name = "", value] = /^(\w+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
      if (name === "") throw new Error(`not a line of Prometheus' text format: ${line}`);
      return [name, Number(value)];
    }),
  );
}

/** The series of one metric, without those whose value is 0. */
export async function series(url: string, metric: string): Promise<Readonly<Record<string, number>>> {
  const found = [...(await scrape(url))].filter(([name, value]) => name.startsWith(`${metric}{`) && value !== 0);
  return Object.fromEntries(found.map(([name, value]) => [name.slice(metric.length), value]));
}
