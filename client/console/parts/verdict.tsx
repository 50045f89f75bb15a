import type { Verdict } from "../data/verdict.ts";
import { text } from "../text.ts";
import { Badge } from "./basics.tsx";

/** What the server says of what is being typed; nothing where a refusal to save says it already. */
export function VerdictLine({ verdict, isRefused }: { verdict: Verdict; isRefused: boolean }) {
  return (
    <span role="status" className="muted verdict">
      {verdict.state === "asking" && text.form.validating}
      {verdict.state === "valid" && <Badge tone="ok">{text.form.valid}</Badge>}
      {verdict.state === "unanswered" && (verdict.sentence || text.common.noAnswer)}
      {verdict.state === "refused" && !isRefused && (
        <>
          <Badge tone="warn">{text.form.refused}</Badge> {verdict.sentence}
        </>
      )}
    </span>
  );
}
