import type { StoredTest } from "../../store/schema/llm.entity.ts";

/** An answer that says nothing of whether chats work: another time they may. */
const PROVES_NOTHING: ReadonlySet<string> = new Set(["INCONCLUSIVE", "RATE_LIMITED", "BUSY"]);

/** The status of an Llm or a Provider after a test of its connection. A test that proved nothing changes nothing. */
export function statusAfter({ status }: { readonly status: string }, { outcome }: StoredTest): string {
  if (outcome === "OK") return "ACTIVE";
  if (!PROVES_NOTHING.has(outcome)) return "FAILING";
  // That its credentials opened is proven.
  return status === "CREDENTIALS_UNREADABLE" ? "UNTESTED" : status;
}
