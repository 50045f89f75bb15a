import { Fault } from "../../base/fault.ts";
import type { RateLimit } from "../../store/rate-limit.ts";
import type { Store } from "../../store/store.ts";

/** How much a minute; 0 is without a limit. */
export interface LimitSettings {
  /** Unknown API keys from one address. */
  readonly unknownKeysPerMinute: number;
  /** Tests of connections with one API key. */
  readonly testsPerMinute: number;
  /** Chats with one API key. */
  readonly chatsPerMinute: number;
  /** Bytes of the requests of chats with one API key. */
  readonly chatBytesPerMinute: number;
}

/** What a limit is for, and the setting that moves it. */
const SETTINGS = {
  unknownKeysPerMinute: { what: "unknown API keys from this address", setting: "UNKNOWN_KEYS_PER_MINUTE" },
  testsPerMinute: { what: "tests of connections", setting: "TESTS_PER_MINUTE" },
  chatsPerMinute: { what: "chats", setting: "CHATS_PER_MINUTE" },
  chatBytesPerMinute: { what: "bytes of chats", setting: "CHAT_BYTES_PER_MINUTE" },
} as const;

type Name = keyof typeof SETTINGS;

/** How much callers may take, counted for all servers together. */
export class Limits {
  readonly #limits = new Map<Name, RateLimit>();
  readonly #settings: LimitSettings;

  constructor(store: Store, settings: LimitSettings) {
    this.#settings = settings;
    for (const name of Object.keys(SETTINGS) as Name[]) {
      if (settings[name] > 0) this.#limits.set(name, store.rateLimit(name, settings[name]));
    }
  }

  /** Refuses an address that has come with too many unknown keys; nothing is asked of the database. */
  refuseGuessing(address: string): void {
    const waitMs = this.#limits.get("unknownKeysPerMinute")?.blockedMs(address) ?? 0;
    if (waitMs > 0) throw this.#over("unknownKeysPerMinute", waitMs);
  }

  /** Counts an unknown key. */
  countGuess(address: string): Promise<void> {
    return this.#take("unknownKeysPerMinute", address);
  }

  /** Counts a test. */
  countTest(apiKeyId: string): Promise<void> {
    return this.#take("testsPerMinute", apiKeyId);
  }

  /** Counts a chat. */
  countChat(apiKeyId: string): Promise<void> {
    return this.#take("chatsPerMinute", apiKeyId);
  }

  /** Counts what a chat sends; it is only measured where there is a limit. */
  async countBytes(apiKeyId: string, measure: () => number): Promise<void> {
    if (this.#limits.has("chatBytesPerMinute")) await this.#take("chatBytesPerMinute", apiKeyId, measure());
  }

  async #take(name: Name, subject: string, points = 1): Promise<void> {
    const verdict = await this.#limits.get(name)?.take(subject, points);
    if (verdict?.isOver) throw this.#over(name, verdict.retryAfterMs);
  }

  #over(name: Name, retryAfterMs: number): Fault {
    const { what, setting } = SETTINGS[name];
    const message = `more ${what} than the ${this.#settings[name]} a minute that this server allows (setting ${setting})`;
    return new Fault("RATE_LIMITED", message, { retryAfterMs, metadata: { setting } });
  }
}
