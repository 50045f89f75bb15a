import type { DescMethod, Message } from "@bufbuild/protobuf";
import { useState } from "react";
import { text } from "../text.ts";
import { Button } from "./basics.tsx";
import { CodeDialog } from "./later.tsx";

interface AsCodeProps {
  readonly method: DescMethod;
  /** Made when somebody looks. */
  readonly request: () => Message;
  readonly isSmall?: boolean;
}

/** A button that shows what another one would do, as code. */
export function AsCode({ method, request, isSmall = true }: AsCodeProps) {
  const [shown, setShown] = useState<Message>();
  return (
    <>
      <Button isSmall={isSmall} onClick={() => setShown(request())}>
        <span aria-hidden="true">{"</>"}</span> {text.common.asCode}
      </Button>
      {shown && <CodeDialog method={method} request={shown} onClose={() => setShown(undefined)} />}
    </>
  );
}
