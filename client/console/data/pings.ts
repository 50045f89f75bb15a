import { createClient } from "@connectrpc/connect";
import { useCallback, useRef, useState } from "react";
import type { PingSummary } from "../../../gen/patchbay/v1/ping_pb.ts";
import { PingService } from "../../../gen/patchbay/v1/ping_service_pb.ts";
import { transport } from "../calls/transport.ts";

export type { PingSummary };

const client = createClient(PingService, transport);

export interface Measured {
  readonly sequence: number;
  readonly firstMs: number | null;
  /** Null if there was no reply. */
  readonly latencyMs: number | null;
}

/** Pings an Llm, and tells of each one as it is over. */
export function usePings(llmId: string) {
  const [pings, setPings] = useState<readonly Measured[]>([]);
  const [summary, setSummary] = useState<PingSummary>();
  const [error, setError] = useState<unknown>();
  const [isRunning, setRunning] = useState(false);
  const abort = useRef<AbortController>(undefined);

  const start = useCallback(
    async (count: number) => {
      const controller = new AbortController();
      abort.current = controller;
      setPings([]);
      setSummary(undefined);
      setError(undefined);
      setRunning(true);
      try {
        for await (const { event } of client.pingStream({ llmId, count }, { signal: controller.signal })) {
          if (event.case === "summary") setSummary(event.value);
          if (event.case !== "ping") continue;
          const { sequence, test } = event.value;
          const isReply = test?.outcome === 1;
          const measured = {
            sequence,
            firstMs: isReply ? (test.firstTokenMs ?? null) : null,
            latencyMs: isReply ? test.latencyMs : null,
          };
          setPings((before) => [...before, measured]);
        }
      } catch (failure) {
        if (!controller.signal.aborted) setError(failure);
      } finally {
        setRunning(false);
      }
    },
    [llmId],
  );
  const stop = useCallback(() => abort.current?.abort(), []);
  return { pings, summary, error, isRunning, start, stop };
}
