import type { DescMethod, Message } from "@bufbuild/protobuf";
import { useState } from "react";
import { asCode } from "../calls/as-code.ts";
import { serverUrl } from "../calls/transport.ts";
import { Button, CodeBlock } from "./basics.tsx";
import { Dialog } from "./dialog.tsx";

/** A call as other programs make it. */
export function CallCode({ method, request }: { method: DescMethod; request: Message }) {
  const codes = asCode(method, request, serverUrl).filter((code) => code.text !== "");
  const [chosen, setChosen] = useState(codes[0]?.title);
  const code = codes.find(({ title }) => title === chosen) ?? codes[0];
  return (
    <div className="stack tight">
      <div className="row">
        {codes.map(({ title }) => (
          <Button key={title} isSmall aria-pressed={title === code?.title} onClick={() => setChosen(title)}>
            {title}
          </Button>
        ))}
      </div>
      {code && <CodeBlock value={code.text} label={`${method.name}: ${code.title}`} />}
    </div>
  );
}

/** The same in a dialog. */
export function CodeDialog({
  method,
  request,
  onClose,
}: {
  method: DescMethod;
  request: Message;
  onClose: () => void;
}) {
  return (
    <Dialog title={`${method.parent.name}.${method.name}`} onClose={onClose} shape="wide">
      <CallCode method={method} request={request} />
    </Dialog>
  );
}
