/** Commits a group; the results are in the order of its entries, and one of them may fail without the others. */
type Commit<Entry, Result> = (entries: readonly Entry[]) => Promise<readonly (Result | Promise<Result>)[]>;

/** An entry and who waits for it. */
interface Waiting<Entry, Result> {
  readonly entry: Entry;
  resolve(result: Result | Promise<Result>): void;
  reject(error: unknown): void;
}

/**
 * Lets entries that come at the same time be committed together: those of one turn of the event loop are a group, and
 * those that come while a group is under way are the next one. A promise is kept when its entry is.
 */
export class GroupCommit<Entry, Result> {
  readonly #commit: Commit<Entry, Result>;
  readonly #largest: number;
  #waiting: Waiting<Entry, Result>[] = [];
  #running: Promise<void> | undefined;

  constructor(commit: Commit<Entry, Result>, largest = 200) {
    this.#commit = commit;
    this.#largest = largest;
  }

  add(entry: Entry): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.#waiting.push({ entry, resolve, reject });
    this.#running ??= this.#run();
    return promise;
  }

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) await this.#commitGroup(this.#waiting.splice(0, this.#largest));
    this.#running = undefined;
  }

  async #commitGroup(group: readonly Waiting<Entry, Result>[]): Promise<void> {
    try {
      const results = await this.#commit(group.map(({ entry }) => entry));
      for (const [index, { resolve }] of group.entries()) resolve(results[index] as Result | Promise<Result>);
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}

/** A group for each key: who waits for one holds up nobody of another. */
export class KeyedGroups<Entry, Result> {
  readonly #commit: (key: string, entries: readonly Entry[]) => ReturnType<Commit<Entry, Result>>;
  readonly #groups = new Map<string, GroupCommit<Entry, Result>>();

  constructor(commit: (key: string, entries: readonly Entry[]) => ReturnType<Commit<Entry, Result>>) {
    this.#commit = commit;
  }

  add(key: string, entry: Entry): Promise<Result> {
    const group = this.#groups.get(key) ?? this.#begin(key);
    return group.add(entry);
  }

  #begin(key: string): GroupCommit<Entry, Result> {
    const group = new GroupCommit<Entry, Result>((entries) => this.#commit(key, entries));
    this.#groups.set(key, group);
    // There are as many keys as there are callers: what nobody waits for any more is forgotten.
    setImmediate(() => group.settled().then(() => this.#groups.delete(key)));
    return group;
  }
}
