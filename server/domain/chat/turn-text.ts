import { Secret } from "../../base/secret.ts";
import type { EntityManager } from "../../store/store.ts";
import type { SealedSecret } from "../../store/vault/sealing.ts";
import type { Place, Vault } from "../../store/vault/vault.ts";
import type { ChatMessage, Reply } from "../../upstream/models/conversation.ts";
import type { Notice } from "../connections/notice.ts";

/** The reply of a turn, with what its caller was told of it. */
export interface StoredReply extends Reply {
  /** In pico-dollars, as a decimal; undefined when it is not known. */
  readonly cost?: string | undefined;
  readonly notices?: readonly Notice[] | undefined;
  readonly priceSource?: string | undefined;
  readonly source?: "REPORTED" | "ESTIMATED" | undefined;
}

/** What is said in a turn is its account's: it is sealed with the account's key, to its session and its turn. */
interface Where {
  readonly accountId: string;
  readonly sessionId: string;
  readonly turnId: string;
}

/** What was said to the model, sealed. */
export function sealMessages(vault: Vault, em: EntityManager, where: Where, messages: readonly ChatMessage[]) {
  return vault.seal(em, placeOf("turn.messages", where), new Secret(encodeMessages(messages)));
}

export async function openMessages(
  vault: Vault,
  em: EntityManager,
  where: Where,
  sealed: SealedSecret,
): Promise<ChatMessage[]> {
  return JSON.parse((await vault.open(em, placeOf("turn.messages", where), sealed)).reveal(), reviveBytes);
}

/** The reply, sealed. */
export function sealReply(vault: Vault, em: EntityManager, where: Where, reply: StoredReply): Promise<SealedSecret> {
  return vault.seal(em, placeOf("turn.reply", where), new Secret(JSON.stringify(reply)));
}

export async function openReply(vault: Vault, em: EntityManager, where: Where, sealed: SealedSecret) {
  return JSON.parse((await vault.open(em, placeOf("turn.reply", where), sealed)).reveal()) as StoredReply;
}

/** Messages as one text: the same for the same messages. */
export function encodeMessages(messages: readonly ChatMessage[]): string {
  return JSON.stringify(messages, (_, value) =>
    value instanceof Uint8Array ? { base64: Buffer.from(value).toString("base64") } : value,
  );
}

function reviveBytes(name: string, value: unknown): unknown {
  if (name !== "data" || typeof value !== "object" || value === null || !("base64" in value)) return value;
  return new Uint8Array(Buffer.from(String(value.base64), "base64"));
}

function placeOf(column: string, { accountId, sessionId, turnId }: Where): Place {
  return { column, ownerId: accountId, rowId: turnId, version: 1, endpoint: sessionId };
}
