import { closeSync, openSync, writeSync } from "node:fs";
import type { JsonObject } from "@bufbuild/protobuf";
import { AccessService } from "../../../gen/patchbay/v1/access_service_pb.ts";
import { isCovered } from "../apply/plan.ts";
import type { Connection } from "../calls/connection.ts";
import { isCallError, UsageError } from "../failure.ts";
import { pagesOf } from "../resources/pages.ts";
import type { ImportedKey } from "./imported.ts";

/** A key that is made, or whose limits are not as they shall be. */
export interface KeyStep {
  readonly verb: "create" | "update";
  readonly key: ImportedKey;
  /** The id of the key that is there; empty for what is made. */
  readonly id: string;
}

/** What callers of models need, and no more: as the virtual keys of other gateways. */
const SCOPES = ["USE_LLM_OWN", "READ_LLM_OWN", "READ_ROUTE_OWN"];

/** What is to be done; a key is known again by its name, so that nothing is made twice. */
export async function planKeys(connection: Connection, keys: readonly ImportedKey[]): Promise<KeyStep[]> {
  if (keys.length === 0) return [];
  const { caller } = await connection.call(AccessService.method.getCaller, {});
  const noun = { list: AccessService.method.listApiKeys, items: "apiKeys" };
  const pages = pagesOf(connection, noun, { accountId: (caller as JsonObject).accountId ?? "" });
  const present = (await Array.fromAsync(pages)).flat();
  return keys.flatMap((key): KeyStep[] => {
    const current = present.find(({ displayName }) => displayName === key.displayName);
    if (!current) return [{ verb: "create", key, id: "" }];
    const isSame = isCovered(current.limits, key.limits) && isCovered(current.expiresAt, key.expiresAt);
    return isSame ? [] : [{ verb: "update", key, id: String(current.apiKeyId) }];
  });
}

/** Where keys that are made new are written to, each as soon as it is there: they are shown this once. */
export class NewKeys {
  readonly #file: number;

  /** A file that is there already is left alone. */
  constructor(path: string) {
    try {
      this.#file = openSync(path, "wx", 0o600);
    } catch (error) {
      throw new UsageError(`--new-keys ${path} cannot be written: ${(error as Error).message}`, { cause: error });
    }
  }

  add(displayName: string, key: string): void {
    writeSync(this.#file, `${displayName}\t${key}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Makes the keys, and answers with those that were refused; one that fails stops no other. */
export async function carryOutKeys(
  connection: Connection,
  steps: readonly KeyStep[],
  newKeys: NewKeys | undefined,
): Promise<{ readonly key: ImportedKey; readonly error: unknown }[]> {
  const failed: { key: ImportedKey; error: unknown }[] = [];
  for (const { verb, key, id } of steps) {
    const { displayName, limits, expiresAt, secret } = key;
    try {
      if (verb === "update") {
        await connection.call(AccessService.method.updateApiKey, { apiKeyId: id, limits, expiresAt });
        continue;
      }
      const request = { displayName, role: "MEMBER", scopes: SCOPES, limits, expiresAt };
      const own = secret === undefined ? {} : { importedSecret: secret };
      const made = await connection.call(AccessService.method.createApiKey, { ...request, ...own });
      if (secret === undefined) newKeys?.add(displayName, String(made.key));
    } catch (error) {
      if (!isCallError(error)) throw error;
      failed.push({ key, error });
    }
  }
  return failed;
}
