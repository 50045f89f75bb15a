import { useState } from "react";
import { formatMs } from "../browser/format.ts";
import { useCalls } from "../calls/call-log.ts";
import { Badge, Button, Empty } from "../parts/basics.tsx";
import { CallCode } from "../parts/code.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { text } from "../text.ts";

const t = text.calls;

/** What the page has asked, each with the code that asks the same. */
export function CallsDrawer({ onClose }: { onClose: () => void }) {
  const calls = useCalls();
  const [openId, setOpenId] = useState<number>();
  return (
    <Dialog title={t.title} onClose={onClose} shape="drawer">
      <p className="muted">{t.hint}</p>
      {calls.length === 0 && <Empty title={t.empty} />}
      {calls.map(({ id, method, request, tookMs, problem }) => (
        <section key={id} className="stack tight">
          <div className="row">
            <Button isSmall aria-expanded={openId === id} onClick={() => setOpenId(openId === id ? undefined : id)}>
              <code>
                {method.parent.name}.{method.name}
              </code>
            </Button>
            {problem?.isCanceled ? (
              <span className="muted">{t.left}</span>
            ) : problem ? (
              <Badge tone="bad">{problem.reason || t.failed}</Badge>
            ) : (
              <span className="muted">{tookMs === undefined ? t.running : formatMs(tookMs)}</span>
            )}
            {problem?.requestId && <code className="muted">{problem.requestId}</code>}
          </div>
          {openId === id && <CallCode method={method} request={request} />}
        </section>
      ))}
    </Dialog>
  );
}
