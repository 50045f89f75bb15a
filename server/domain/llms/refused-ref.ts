import type { Fault } from "../../base/fault.ts";
import type { StoredTest } from "../../store/llm.entity.ts";

/** The result of a test that ended before anything was sent, because the key could not be had. */
export function testOfRefusedRef({ reason, message }: Fault): StoredTest {
  // What does not answer now proves nothing of the connection.
  const mayWork = reason === "SECRET_SOURCE_UNAVAILABLE";
  const skipped = (name: string) => ({ name, state: "SKIPPED", message: "" });
  return {
    outcome: mayWork ? "INCONCLUSIVE" : "SECRET_UNRESOLVED",
    message,
    stages: [
      ...["ADDRESS", "CONNECTION"].map(skipped),
      { name: "KEY", state: mayWork ? "INCONCLUSIVE" : "FAILED", message },
      ...["MODEL", "REPLY", "STREAM"].map(skipped),
    ],
    latencyMs: 0,
    model: "",
    testedAt: Date.now(),
  };
}
