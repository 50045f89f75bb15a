import { type ComponentType, type LazyExoticComponent, lazy, Suspense, useEffect, useState } from "react";
import { Link, Redirect, Route, Switch, useLocation } from "wouter";
import { queryClient } from "./calls/query.ts";
import { useSession } from "./calls/session.ts";
import { type Deed, useCaller } from "./data/caller.ts";
import { useLlmWatch } from "./data/llm-watch.ts";
import { useTabs } from "./data/tabs.ts";
import { useWatchState } from "./data/watch.ts";
import { LlmsPage } from "./pages/llms.tsx";
import { SignIn } from "./pages/sign-in.tsx";
import { Empty, Loading } from "./parts/basics.tsx";
import { Boundary } from "./parts/boundary.tsx";
import { CallsDrawer, KeyboardDialog } from "./parts/later.tsx";
import { Logo } from "./parts/logo.tsx";
import { useShortcuts } from "./parts/shortcuts.ts";
import { text } from "./text.ts";

const ConnectPage = lazy(() => import("./pages/connect.tsx"));
const LlmPage = lazy(() => import("./pages/llm.tsx"));
const EditPage = lazy(() => import("./pages/llm-form.tsx"));
const PlaygroundPage = lazy(() => import("./pages/playground.tsx"));
const RoutesPage = lazy(() => import("./pages/routes/list.tsx"));
const RoutePage = lazy(() => import("./pages/routes/route.tsx"));
const RouteFormPage = lazy(() => import("./pages/routes/form.tsx"));
const UsagePage = lazy(() => import("./pages/usage.tsx"));
const ProvidersPage = lazy(() => import("./pages/providers.tsx"));
const AccessPage = lazy(() => import("./pages/access/access.tsx"));
const YouPage = lazy(() => import("./pages/you.tsx"));
const AuditPage = lazy(() => import("./pages/audit.tsx"));

type Page = LazyExoticComponent<ComponentType> | ComponentType;

/** The pages, and what somebody must be permitted to whom they are of any use. */
const ROUTES: readonly (readonly [path: string, page: Page, deed?: Deed])[] = [
  ["/llms", LlmsPage],
  ["/connect", ConnectPage, "CREATE_LLM"],
  ["/llms/new", EditPage, "CREATE_LLM"],
  ["/llms/:llmId/edit", EditPage, "UPDATE_LLM"],
  ["/llms/:llmId", LlmPage],
  ["/playground", PlaygroundPage, "USE_LLM"],
  ["/routes", RoutesPage, "READ_ROUTE"],
  ["/routes/new", RouteFormPage, "CREATE_ROUTE"],
  ["/routes/:routeId/edit", RouteFormPage, "UPDATE_ROUTE"],
  ["/routes/:routeId", RoutePage, "READ_ROUTE"],
  ["/usage", UsagePage, "READ_USAGE"],
  ["/providers", ProvidersPage, "READ_PROVIDER"],
  ["/access", AccessPage, "READ_API_KEY"],
  ["/audit", AuditPage, "READ_AUDIT_EVENT"],
  ["/you", YouPage],
];

export function App() {
  const session = useSession();
  useEffect(() => {
    // What one could see is not for the next who signs in.
    if (!session) queryClient.clear();
  }, [session]);
  if (!session) return <SignIn />;
  return <Console key={session.bearer} />;
}

function Console() {
  const { caller, may } = useCaller();
  const [path, go] = useLocation();
  const [overlay, setOverlay] = useState<"calls" | "keyboard">();
  useLlmWatch();
  const signOut = useTabs(caller);

  const pages = [
    { path: "/llms", name: text.nav.llms, keys: "g l", isShown: true },
    { path: "/playground", name: text.nav.playground, keys: "g p", isShown: may("USE_LLM") },
    { path: "/routes", name: text.nav.routes, keys: "g r", isShown: may("READ_ROUTE") },
    { path: "/usage", name: text.nav.usage, keys: "g u", isShown: may("READ_USAGE") },
    { path: "/providers", name: text.nav.providers, keys: "g v", isShown: may("READ_PROVIDER") },
    { path: "/access", name: text.nav.access, keys: "g a", isShown: may("READ_API_KEY") },
    { path: "/audit", name: text.nav.audit, keys: "g t", isShown: may("READ_AUDIT_EVENT") },
    { path: "/you", name: text.nav.you, keys: "g y", isShown: true },
  ].filter(({ isShown }) => isShown);

  useShortcuts({
    ...Object.fromEntries(pages.map(({ path, keys }) => [keys, () => go(path)])),
    ...(may("CREATE_LLM") && { n: () => go("/connect") }),
    c: () => setOverlay("calls"),
    "?": () => setOverlay("keyboard"),
    "/": () => document.querySelector<HTMLInputElement>("input[type=search]")?.focus(),
  });

  // Where the pages are in one line, that line may be longer than the window is wide.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path moves what is current
  useEffect(() => {
    document.querySelector("nav [aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [path]);
  useEffect(() => {
    const page = pages.find((page) => path.startsWith(page.path));
    document.title = `${page?.name ?? text.nav.llms} · ${text.product}`;
  });

  return (
    <div className="frame">
      <header className="side">
        <Link href="/llms" className="brand">
          <Logo />
          {text.product}
        </Link>
        <nav aria-label={text.nav.main}>
          {pages.map((page) => (
            <Link
              key={page.path}
              href={page.path}
              aria-current={
                path.startsWith(page.path) || (page.path === "/llms" && path === "/connect") ? "page" : undefined
              }
            >
              {page.name}
              <span className="key" aria-hidden="true">
                {page.keys}
              </span>
            </Link>
          ))}
        </nav>
        <div className="foot">
          <Live />
          <button type="button" className="plain" onClick={() => setOverlay("calls")}>
            {text.nav.calls}{" "}
            <span className="key" aria-hidden="true">
              c
            </span>
          </button>
          <button type="button" className="plain" onClick={() => setOverlay("keyboard")}>
            {text.nav.keys}{" "}
            <span className="key" aria-hidden="true">
              ?
            </span>
          </button>
          <a className="plain" href="./docs" target="_blank" rel="noreferrer">
            {text.nav.apiDocs}
          </a>
          {caller && (
            <div className="who">
              <div className="cut" title={caller.accountId}>
                {caller.subject || caller.apiKeyId || caller.accountId}
              </div>
              <div className="muted">{text.roles[caller.role]}</div>
            </div>
          )}
          <button type="button" className="plain" onClick={signOut}>
            {text.nav.signOut}
          </button>
        </div>
      </header>
      <main className="main" id="main">
        <Boundary key={path}>
          <Suspense fallback={<Waiting />}>
            <Switch>
              {ROUTES.map(([path, Page, deed]) => (
                <Route key={path} path={path}>
                  {caller && deed && !may(deed) ? <NotAllowed /> : <Page />}
                </Route>
              ))}
              <Route path="/">
                <Redirect to="/llms" replace />
              </Route>
              <Route>
                <div className="page">
                  <Empty title={text.notFound}>
                    <Link href="/llms">{text.toLlms}</Link>
                  </Empty>
                </div>
              </Route>
            </Switch>
          </Suspense>
        </Boundary>
      </main>
      {overlay === "calls" && <CallsDrawer onClose={() => setOverlay(undefined)} />}
      {overlay === "keyboard" && <KeyboardDialog onClose={() => setOverlay(undefined)} />}
    </div>
  );
}

function Waiting() {
  return (
    <div className="page">
      <Loading />
    </div>
  );
}

/** In place of a page whose every call would be refused. */
function NotAllowed() {
  return (
    <div className="page">
      <Empty title={text.common.notAllowed} hint={text.common.notAllowedHint}>
        <Link href="/you">{text.you.title}</Link>
      </Empty>
    </div>
  );
}

function Live() {
  const state = useWatchState();
  return (
    <span className={`live ${state === "live" ? "on" : ""}`} role="status">
      {text.live[state]}
    </span>
  );
}
