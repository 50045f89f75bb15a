import { useEffect, useRef } from "react";
import type { Caller } from "../../../gen/patchbay/v1/access_service_pb.ts";
import { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { refreshAllBut } from "../calls/query.ts";
import { signOut } from "../calls/session.ts";
import { onWord, tellTabs } from "../calls/tabs.ts";
import { text } from "../text.ts";

/** Signs out of all tabs that have the same key, and shows what others of them change. Returns what signs out. */
export function useTabs(caller: Caller | undefined): () => void {
  const holder = caller && holderOf(caller);
  const latest = useRef(holder);
  latest.current = holder;
  useEffect(
    () =>
      onWord((word) => {
        // Changes of Llms come by their watch, which spares long lists.
        if (word.kind === "changed") refreshAllBut(LlmService);
        else if (word.holder === latest.current) signOut(text.signIn.elsewhere);
      }),
    [],
  );
  return () => {
    if (holder) tellTabs({ kind: "signed-out", holder });
    signOut();
  };
}

/** Who a key or a token belongs to, in words that are no secret. */
function holderOf({ apiKeyId, accountId, subject }: Caller): string {
  return apiKeyId || `${accountId} ${subject}`;
}
