/** The headers that let browsers call from other origins; by exact origins, without credentials such as cookies. */
export class Cors {
  readonly #origins: ReadonlySet<string>;

  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  /** What the answer depends on, if it depends on the origin. */
  get vary(): string | undefined {
    return this.#origins.size > 0 ? "Origin" : undefined;
  }

  /** For an answer with these headers: scripts may read all of them. */
  answer(origin: string | undefined, headers: Iterable<string>): Record<string, string> {
    if (!this.#allows(origin)) return {};
    return {
      "access-control-allow-origin": origin,
      "access-control-expose-headers": [...headers].join(", "),
    };
  }

  /** For a preflight: the methods of the path are allowed, and whatever headers the script wants to send. */
  preflight(origin: string | undefined, methods: string, headers: string | undefined): Record<string, string> {
    if (!this.#allows(origin)) return {};
    return {
      "access-control-allow-origin": origin,
      "access-control-allow-methods": methods,
      "access-control-max-age": "7200",
      ...(headers !== undefined && { "access-control-allow-headers": headers }),
    };
  }

  #allows(origin: string | undefined): origin is string {
    return origin !== undefined && this.#origins.has(origin);
  }
}
