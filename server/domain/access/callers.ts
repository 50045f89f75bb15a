import type { ApiKeys } from "./api-keys.ts";
import { IdTokens } from "./id-tokens.ts";
import type { Caller } from "./scope.ts";

/** Tells who calls: by an API key of ours, or by a token of the operator's issuer. */
export class Callers {
  readonly #keys: ApiKeys;
  readonly #tokens: IdTokens | undefined;

  /** Without tokens, only API keys are taken. */
  constructor({ keys, tokens }: { keys: ApiKeys; tokens: IdTokens | undefined }) {
    this.#keys = keys;
    this.#tokens = tokens;
  }

  /** By whatever a caller came with, undefined for nothing, from an address. */
  identify(text: string | undefined, address: string): Promise<Caller> {
    if (this.#tokens && text !== undefined && IdTokens.hasForm(text)) return this.#tokens.authenticate(text);
    return this.#keys.authenticate(text, address);
  }
}
