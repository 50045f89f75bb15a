/** How long one call took. */
export interface Timing {
  /** To the end of the answer. */
  readonly ms: number;
  /** To the part of the answer that the expectation calls the first. */
  readonly firstMs: number;
}

/** Makes one call; rejects unless the answer is the expected one. */
export type Call = () => Promise<Timing>;

/** Keeps this many calls under way until the time is over. */
export async function closedLoop(call: Call, inFlight: number, ms: number): Promise<Timing[]> {
  const timings: Timing[] = [];
  const endsAt = performance.now() + ms;
  const worker = async () => {
    while (performance.now() < endsAt) timings.push(await call());
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return timings;
}

/** Starts this many calls at once, and when all are over the next wave, until the time is over. */
export async function waves(call: Call, inFlight: number, ms: number): Promise<Timing[]> {
  const timings: Timing[] = [];
  const endsAt = performance.now() + ms;
  while (performance.now() < endsAt) timings.push(...(await Promise.all(Array.from({ length: inFlight }, call))));
  return timings;
}
