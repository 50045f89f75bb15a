/** Parts that come after the first page is drawn: a dialog and a menu are of no use before somebody can press. */
import { type ComponentProps, lazy, Suspense, useState } from "react";
import { Button } from "./basics.tsx";

const LazyCheckMenu = lazy(() => import("./dialog.tsx").then(({ CheckMenu }) => ({ default: CheckMenu })));
const LazyCalls = lazy(() => import("../pages/calls.tsx").then(({ CallsDrawer }) => ({ default: CallsDrawer })));
const LazyKeyboard = lazy(() =>
  import("../pages/keyboard.tsx").then(({ KeyboardDialog }) => ({ default: KeyboardDialog })),
);
const LazyCode = lazy(() => import("./code.tsx").then(({ CodeDialog }) => ({ default: CodeDialog })));

/** A button only, until it is pressed. */
export function CheckMenu(props: Omit<ComponentProps<typeof LazyCheckMenu>, "isOpen">) {
  const [isWanted, setWanted] = useState(false);
  const button = (
    <Button aria-haspopup="menu" aria-expanded={false} onClick={() => setWanted(true)}>
      {props.label}
      <span aria-hidden="true">▾</span>
    </Button>
  );
  if (!isWanted) return button;
  return (
    <Suspense fallback={button}>
      <LazyCheckMenu {...props} isOpen />
    </Suspense>
  );
}

export function CallsDrawer(props: ComponentProps<typeof LazyCalls>) {
  return (
    <Suspense>
      <LazyCalls {...props} />
    </Suspense>
  );
}

export function KeyboardDialog(props: ComponentProps<typeof LazyKeyboard>) {
  return (
    <Suspense>
      <LazyKeyboard {...props} />
    </Suspense>
  );
}

export function CodeDialog(props: ComponentProps<typeof LazyCode>) {
  return (
    <Suspense>
      <LazyCode {...props} />
    </Suspense>
  );
}
