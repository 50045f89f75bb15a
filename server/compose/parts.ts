import packageJson from "../../package.json" with { type: "json" };
import type { Logger } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { Accounts } from "../domain/access/accounts.ts";
import { ApiKeys, ApiKeyUses } from "../domain/access/api-keys.ts";
import { Callers, IdTokens } from "../domain/access/callers.ts";
import { IssuedKeys } from "../domain/access/issued-keys.ts";
import { issuerKeys } from "../domain/access/issuer-keys.ts";
import type { Limits } from "../domain/access/limits.ts";
import type { ReachFailpoint } from "../domain/chat/attempt.ts";
import { type ChatDeps, Chats } from "../domain/chat/chats.ts";
import { Leases } from "../domain/chat/leases.ts";
import { LlmCalls } from "../domain/chat/llm-calls.ts";
import { PassThrough } from "../domain/chat/pass-through.ts";
import { RoutedChats } from "../domain/chat/routed-chats.ts";
import { Turns } from "../domain/chat/turns.ts";
import { SecretRefs } from "../domain/connections/secret-refs.ts";
import { NearLimits } from "../domain/limits/near.ts";
import { ParallelCalls } from "../domain/limits/parallel.ts";
import { HolderRates } from "../domain/limits/rates.ts";
import { LimitStates } from "../domain/limits/states.ts";
import { HolderUses } from "../domain/limits/uses.ts";
import type { Signals } from "../domain/llms/signals.ts";
import { RouteCalls } from "../domain/routes/route-calls.ts";
import { SharedWellness } from "../domain/routes/shared-wellness.ts";
import type { Wellness } from "../domain/routes/wellness.ts";
import { LabelCap } from "../domain/usage/label-cap.ts";
import { Ledger } from "../store/queries/usage/ledger.ts";
import type { Store } from "../store/store.ts";
import { DEMO_URL, DemoEndpoint } from "../upstream/demo/demo-endpoint.ts";
import { Egress } from "../upstream/egress/egress.ts";
import { KeyValueVault } from "../upstream/operator/hashicorp-vault.ts";
import { OidcIssuer } from "../upstream/operator/oidc-issuer.ts";
import { OtlpCollector } from "../upstream/operator/otlp-collector.ts";
import { SecretFiles } from "../upstream/operator/secret-files.ts";
import type { AppliedState, Metrics } from "../wire/observe/metrics.ts";
import type { Tracer } from "../wire/observe/trace.ts";
import type { ApplyDir } from "./apply-dir.ts";
import type { Storage } from "./storage.ts";

/** Undoes a step of the start. */
export type Disposer = () => Promise<void> | void;

/** What every step of opening a server has. */
export interface Boot {
  readonly config: Config;
  readonly log: Logger;
  /** What undoes the steps so far; the last one goes first. */
  readonly disposers: Disposer[];
  /** Aborts when there is no time to close anything: what would go on without this process ends at once. */
  readonly halt: AbortSignal;
}

/** Tells the log of what goes on in the background. */
export function warner({ log }: Boot): (message: string) => void {
  return (message) => log.warn({}, message);
}

/** The way out, with the endpoint inside the server unless that is switched off. */
export function openEgress({ config, disposers }: Boot): Egress {
  const demo = config.demoEndpoint ? new DemoEndpoint() : undefined;
  const locals = demo ? [{ url: DEMO_URL, connect: () => demo.connect() }] : [];
  const egress = new Egress({ allow: config.egressAllow, locals, limits: config.patience });
  disposers.push(() => egress.close());
  if (demo) disposers.push(() => demo.close());
  return egress;
}

/** Loaded only when wanted, as is what traces: together they take a tenth of a second to load. */
export async function openMetrics(
  { config }: Boot,
  store: Store,
  applied: AppliedState | undefined,
): Promise<Metrics | undefined> {
  if (!config.metrics) return undefined;
  const { Metrics } = await import("../wire/observe/metrics.ts");
  return new Metrics({
    poolState: () => store.poolState(),
    isToldChanges: () => store.changes.isLive,
    replica: store.replica,
    version: packageJson.version,
    applied,
  });
}

/** What applies a folder of manifests, to be started once the server answers; undefined where none is named. */
export async function openApplyDir({ config, log }: Boot): Promise<ApplyDir | undefined> {
  if (!config.applyDir) return undefined;
  const { ApplyDir } = await import("./apply-dir.ts");
  return new ApplyDir(config.applyDir, log);
}

/** What sends spans to the operator's collector; undefined where none is named. */
export async function openTracer({ config, log, disposers }: Boot): Promise<Tracer | undefined> {
  if (!config.otlp) return undefined;
  const { OtelTracer } = await import("../wire/observe/otel/otel-tracer.ts");
  const collector = new OtlpCollector(config.otlp);
  disposers.push(() => collector.close());
  const tracer = new OtelTracer({
    serviceName: packageJson.name,
    version: packageJson.version,
    send: (body) => collector.send(body),
    onChange: (problem) => {
      if (problem) log.warn({ err: problem }, "spans do not reach OTEL_EXPORTER_OTLP_ENDPOINT and are lost");
      else log.info({}, "spans reach OTEL_EXPORTER_OTLP_ENDPOINT again");
    },
  });
  disposers.push(() => tracer.close());
  return tracer;
}

type Given = Omit<ChatDeps, "labelCap" | "vault" | "ledger" | "turns" | "llmCalls" | "reachFailpoint"> & {
  readonly signals: Signals;
  readonly wellness: Wellness;
};

/** How Llms are, known to all servers. */
export function openWellness({ disposers }: Boot, store: Store): Wellness {
  const shared = new SharedWellness({ store });
  disposers.push(() => shared.close());
  return shared.wellness;
}

/** Chats, with the ledger of what they cost and the leases of the turns that run. */
export async function openChats(
  boot: Boot,
  { store, vault }: Storage,
  given: Given,
  reachFailpoint: ReachFailpoint,
): Promise<{ chats: RoutedChats; passThrough: PassThrough; routeCalls: RouteCalls }> {
  const { config, disposers } = boot;
  const onWarning = warner(boot);
  const ledger = new Ledger(store, onWarning);
  disposers.push(() => ledger.close());
  const leases = new Leases(() => store.fork(), onWarning);
  disposers.push(() => leases.close());
  // The embedded database is this server's alone: whatever runs in it, nobody runs.
  if (!config.database) await leases.recover();
  const turns = new Turns({ vault, leases, reachFailpoint });
  const { wellness } = given;
  const llmCalls = new LlmCalls(given);
  const deps = { ...given, labelCap: new LabelCap(), vault, ledger, turns, llmCalls, reachFailpoint };
  const routeCalls = new RouteCalls({ store, targets: given.targets, wellness, budgets: given.budgets });
  const chats = new RoutedChats({ chats: new Chats(deps), routes: routeCalls, turns });
  return { chats, passThrough: new PassThrough(deps), routeCalls };
}

/** Secrets that are kept elsewhere. What must never be read is all that is the server's own. */
export function openSecretRefs({ config, disposers }: Boot): SecretRefs {
  const { rules, ownSettings, readVariable, vault: target } = config.secretRefs;
  const vault = target && new KeyValueVault(target);
  if (vault) disposers.push(() => vault.close());
  return new SecretRefs({ rules, ownSettings, sources: { readVariable, files: openFiles(config), vault } });
}

function openFiles({ dataDir, keys, tls, secretRefs }: Config): SecretFiles {
  const tokens = [secretRefs.vault?.token, keys.kind === "transit" ? keys.target.token : undefined];
  return new SecretFiles([
    dataDir,
    ...(keys.kind === "file" ? [keys.file] : []),
    ...(tls ? [tls.keyFile] : []),
    ...tokens.flatMap((token) => (token && "file" in token ? [token.file] : [])),
  ]);
}

/** Who calls, by API key or by token, and what keys and accounts there are. */
export function openAccess(boot: Boot, { store, vault }: Storage, limits: Limits) {
  const uses = new ApiKeyUses({ store, onWarning: warner(boot) });
  boot.disposers.push(() => uses.close());
  const keys = new ApiKeys({ store, limits, uses });
  const callers = new Callers({ keys, tokens: openIdTokens(boot, store) });
  const rates = new HolderRates(store);
  const parallel = new ParallelCalls({ store, onWarning: warner(boot) });
  boot.disposers.push(() => parallel.close());
  const near = new NearLimits({ fork: () => store.fork(), onWarning: warner(boot) });
  const holderUses = new HolderUses({ rates, parallel, near });
  const limitStates = new LimitStates({ store, rates });
  return {
    callers,
    keys,
    limitStates,
    holderUses,
    near,
    accounts: new Accounts({ rows: store.listRows, vault, keys }),
    issuedKeys: new IssuedKeys({ rows: store.listRows, vault, keys }),
  };
}

function openIdTokens({ config, log, disposers }: Boot, store: Store): IdTokens | undefined {
  if (!config.oidc) return undefined;
  const issuer = new OidcIssuer(config.oidc);
  disposers.push(() => issuer.close());
  const keys = issuerKeys({
    fetchKeys: (signal) => issuer.keys(signal),
    onChange: (problem) => {
      if (problem)
        log.warn({ err: problem }, "the keys of OIDC_ISSUER cannot be read; the last ones go on for an hour");
      else log.info({}, "the keys of OIDC_ISSUER can be read again");
    },
  });
  return new IdTokens({ rules: config.oidc, keys, store });
}
