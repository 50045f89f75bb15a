/** Parts that come after the first page is drawn: a dialog and a menu are of no use before somebody can press. */
import { type ComponentProps, lazy, Suspense } from "react";

const LazyCheckMenu = lazy(() => import("./dialog.tsx").then(({ CheckMenu }) => ({ default: CheckMenu })));
const LazyCalls = lazy(() => import("../pages/calls.tsx").then(({ CallsDrawer }) => ({ default: CallsDrawer })));
const LazyKeyboard = lazy(() =>
  import("../pages/keyboard.tsx").then(({ KeyboardDialog }) => ({ default: KeyboardDialog })),
);
const LazyCode = lazy(() => import("./code.tsx").then(({ CodeDialog }) => ({ default: CodeDialog })));

export function CheckMenu(props: ComponentProps<typeof LazyCheckMenu>) {
  return (
    <Suspense fallback={<span className="button">{props.label} ▾</span>}>
      <LazyCheckMenu {...props} />
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
