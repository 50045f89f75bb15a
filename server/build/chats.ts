import { type ChatMeans, Chats } from "../domain/chat/chats.ts";
import type { ReachFailpoint } from "../domain/chat/failpoint.ts";
import { Leases } from "../domain/chat/leases.ts";
import { Turns } from "../domain/chat/turns.ts";
import { Ledger } from "../store/ledger.ts";
import { type Opening, warner } from "./opening.ts";
import type { Storage } from "./storage.ts";

type Given = Omit<ChatMeans, "vault" | "ledger" | "turns" | "reachFailpoint">;

/** Chats, with the ledger of what they cost and the leases of the turns that run. */
export async function openChats(
  opening: Opening,
  { store, vault }: Storage,
  given: Given,
  reachFailpoint: ReachFailpoint,
): Promise<Chats> {
  const { config, closers } = opening;
  const onWarning = warner(opening);
  const ledger = new Ledger(store, onWarning);
  closers.push(() => ledger.close());
  const leases = new Leases(() => store.fork(), onWarning);
  closers.push(() => leases.close());
  // The embedded database is this server's alone: whatever runs in it, nobody runs.
  if (!config.databaseUrl) await leases.recover();
  const turns = new Turns({ vault, leases, reachFailpoint });
  return new Chats({ ...given, vault, ledger, turns, reachFailpoint });
}
