import type { StoredTest } from "../../store/schema/llm.entity.ts";

/** The status of an Llm or a Provider after a test of its connection. A test that proved nothing changes nothing. */
export function statusAfter({ status }: { readonly status: string }, { outcome }: StoredTest): string {
  if (outcome === "OK") return "ACTIVE";
  if (outcome !== "INCONCLUSIVE" && outcome !== "RATE_LIMITED") return "FAILING";
  // That its credentials opened is proven.
  return status === "CREDENTIALS_UNREADABLE" ? "UNTESTED" : status;
}
