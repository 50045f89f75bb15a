import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, isIP, type LookupFunction, type Socket } from "node:net";
import type { buildConnector } from "undici";
import { parseAllowRules } from "../../upstream/egress/allow-rule.ts";
import { EgressDenied } from "../../upstream/egress/denial.ts";
import { Egress } from "../../upstream/egress/egress.ts";
import type { ConnectorFactory } from "../../upstream/egress/guarded-connect.ts";
import { UpstreamFailure } from "../../upstream/models/failure.ts";

/** One URL, and what the policy must say to it. */
export interface CorpusEntry {
  readonly id: string;
  readonly url: string;
  readonly expect: "allow" | "block";
  /** Why it is to be blocked. */
  readonly reason?: string;
  /** What a name resolves to, in one answer after the other; the last one stays. */
  readonly dns?: Readonly<Record<string, readonly (readonly string[])[]>>;
  /** Where the endpoint redirects to. */
  readonly redirects?: readonly string[];
  /** Default: nothing is open beyond public https. */
  readonly policy?: { readonly allow: readonly string[] };
}

/** What came of one entry. */
export interface CorpusResult {
  readonly id: string;
  readonly url: string;
  /** `allow`, or the reason to block. */
  readonly expected: string;
  readonly actual: string;
  readonly passed: boolean;
}

/**
 * A corpus of URLs that is driven through the whole of Egress by its one entry, `request`, on real sockets.
 *
 * Names are resolved by what the corpus says. A connection that the guard approves is made to a server on loopback in
 * place of the address, and says that it is at the address: so nothing leaves the machine, the guard judges what it
 * would judge in production, and a call that it should have stopped is seen to arrive.
 */
export class EgressCorpus {
  readonly #entries: readonly CorpusEntry[];
  readonly #server: Server;
  /** Calls that arrived, by entry. */
  readonly #arrivals = new Map<string, number>();

  private constructor(entries: readonly CorpusEntry[]) {
    this.#entries = entries;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async open(entries: readonly CorpusEntry[]): Promise<EgressCorpus> {
    const corpus = new EgressCorpus(entries);
    corpus.#server.listen(0, "127.0.0.1");
    await once(corpus.#server, "listening");
    return corpus;
  }

  async run(): Promise<CorpusResult[]> {
    const results: CorpusResult[] = [];
    for (const entry of this.#entries) results.push(await this.#check(entry));
    return results;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #check(entry: CorpusEntry): Promise<CorpusResult> {
    const { id, url } = entry;
    const expected = entry.expect === "allow" ? "allow" : String(entry.reason);
    const actual = await this.#outcomeOf(entry);
    return { id, url, expected, actual, passed: actual === expected };
  }

  /** One call after the other, as saving, testing and chatting are, until one is blocked or all answers were given. */
  async #outcomeOf(entry: CorpusEntry): Promise<string> {
    const egress = new Egress({
      allow: parseAllowRules(entry.policy?.allow.join(",") ?? ""),
      resolve: resolverOf(entry),
      connectorFactory: this.#loopbackConnector,
    });
    const answers = Object.values(entry.dns ?? {}).map((successive) => successive.length);
    try {
      for (let turn = 0; turn < Math.max(1, ...answers); turn += 1) {
        const reason = await this.#call(egress, entry, turn);
        if (reason !== undefined) return this.#checkArrivals(entry, turn, reason);
      }
      return "allow";
    } finally {
      await egress.close();
    }
  }

  /** The reason for which a call is blocked; undefined when it is answered. */
  async #call(egress: Egress, { id, url }: CorpusEntry, turn: number): Promise<string | undefined> {
    try {
      const response = await egress.request({
        ownerId: `turn ${turn}`, // A pool of its own, so that it connects again.
        url,
        method: "POST",
        headers: { "x-entry": id, authorization: "Bearer sk-corpus" },
        body: "{}",
        streamed: false,
        signal: AbortSignal.timeout(5_000),
      });
      await response.text(1_024);
      return undefined;
    } catch (error) {
      const cause = error instanceof UpstreamFailure ? error.cause : error;
      return cause instanceof EgressDenied ? cause.reason : String(cause ?? error);
    }
  }

  /** What is blocked must not have been sent at all; a redirect only comes as an answer to one call. */
  #checkArrivals({ id }: CorpusEntry, allowedTurns: number, reason: string): string {
    const expected = allowedTurns + (reason === "redirect" ? 1 : 0);
    const arrived = this.#arrivals.get(id) ?? 0;
    return arrived === expected ? reason : `${reason}, but ${arrived} calls arrived in place of ${expected}`;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const id = String(request.headers["x-entry"]);
    this.#arrivals.set(id, (this.#arrivals.get(id) ?? 0) + 1);
    const location = this.#entries.find((entry) => entry.id === id)?.redirects?.[0];
    if (location === undefined) response.writeHead(200);
    else response.writeHead(302, location === "" ? {} : { location });
    response.end("{}");
  }

  /** Finds addresses as node:net does, then connects to our server and claims to be at the first of them. */
  readonly #loopbackConnector: ConnectorFactory = (options) => {
    const lookup = (options as { lookup: LookupFunction }).lookup;
    return ({ hostname }, callback) => {
      if (isIP(hostname) !== 0) return this.#connectAs(hostname, callback);
      lookup(hostname, { all: true }, (error, found) => {
        if (error !== null) return callback(error, null);
        const [first] = found as { address: string }[];
        this.#connectAs(String(first?.address), callback);
      });
    };
  };

  #connectAs(address: string, callback: buildConnector.Callback): void {
    const { port } = this.#server.address() as AddressInfo;
    const socket: Socket = connect({ host: "127.0.0.1", port });
    socket.once("error", (error) => callback(error, null));
    socket.once("connect", () => {
      Object.defineProperty(socket, "remoteAddress", { value: address });
      callback(null, socket);
    });
  }
}

/** Answers each name with what the entry says is next; a name that it does not mention has no address. */
function resolverOf({ dns = {} }: CorpusEntry) {
  const turns = new Map<string, number>();
  return async (name: string): Promise<readonly string[]> => {
    const successive = dns[name] ?? [];
    const turn = turns.get(name) ?? 0;
    turns.set(name, turn + 1);
    return successive[turn] ?? successive.at(-1) ?? [];
  };
}
