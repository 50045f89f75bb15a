import { setTimeout as delay } from "node:timers/promises";
import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.ts";
import { Health as HealthService } from "../../gen/grpc/health/v1/health_pb.ts";
import { AccessService } from "../../gen/patchbay/v1/access_service_pb.ts";
import { AuditService } from "../../gen/patchbay/v1/audit_service_pb.ts";
import { BudgetService } from "../../gen/patchbay/v1/budget_service_pb.ts";
import { ChatService } from "../../gen/patchbay/v1/chat_service_pb.ts";
import { LlmService } from "../../gen/patchbay/v1/llm_service_pb.ts";
import { PingService } from "../../gen/patchbay/v1/ping_service_pb.ts";
import { ProviderService } from "../../gen/patchbay/v1/provider_service_pb.ts";
import { file_patchbay_v1_reason } from "../../gen/patchbay/v1/reason_pb.ts";
import { RouteService } from "../../gen/patchbay/v1/route_service_pb.ts";
import { UsageService } from "../../gen/patchbay/v1/usage_service_pb.ts";
import type { Logger } from "../base/log.ts";
import type { Secret } from "../base/secret.ts";
import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/config.ts";
import { bootstrap } from "../domain/access/accounts.ts";
import { parseApiKey } from "../domain/access/api-key-format.ts";
import { AuditLog } from "../domain/access/audit-log.ts";
import { Limits } from "../domain/access/limits.ts";
import type { ReachFailpoint } from "../domain/chat/attempt.ts";
import { Sessions } from "../domain/chat/sessions.ts";
import { ConnectionTests } from "../domain/llms/connection-tests.ts";
import { DeletedLlms } from "../domain/llms/deletion.ts";
import { Llms } from "../domain/llms/llms.ts";
import { CredentialsRotation } from "../domain/llms/rotation.ts";
import { LlmModels } from "../domain/llms/served-models.ts";
import { LlmTargets } from "../domain/llms/targets.ts";
import { leaveProvider } from "../domain/llms/through-provider.ts";
import { ModelLists } from "../domain/models/lists.ts";
import { LlmNames } from "../domain/names/llm-names.ts";
import { Vendors } from "../domain/providers/probes.ts";
import { Providers } from "../domain/providers/providers.ts";
import { Routes } from "../domain/routes/routes.ts";
import { Budgets } from "../domain/usage/budgets.ts";
import { UsageReport } from "../domain/usage/report.ts";
import { accessRpcs } from "../service/access.ts";
import { auditRpcs } from "../service/audit.ts";
import { createAdmission } from "../service/call/admission.ts";
import { withFreshReads } from "../service/call/fresh-reads.ts";
import { withLlmNames } from "../service/call/llm-names.ts";
import { withMutations } from "../service/call/mutations.ts";
import { chatRpcs } from "../service/chat/rpcs.ts";
import { DIALECT_SERVICES, DIALECTS } from "../service/dialects/dialects.ts";
import type { Face } from "../service/faces/face.ts";
import { FACE_SERVICES, openFaces } from "../service/faces/faces.ts";
import { llmRpcs, pingRpcs } from "../service/llms/rpcs.ts";
import { providerRpcs } from "../service/providers.ts";
import { routeRpcs } from "../service/routes.ts";
import { SERVICES } from "../service/services.ts";
import { budgetRpcs, usageRpcs } from "../service/usage.ts";
import { outageOf } from "../store/sql/database-errors.ts";
import type { Store } from "../store/store.ts";
import { Upstreams } from "../upstream/upstreams.ts";
import { createApp } from "../wire/app.ts";
import { ENDPOINT_TIMEOUT_MS } from "../wire/http/deadline.ts";
import { type Listener, listen } from "../wire/http/listen.ts";
import { healthRpcs, Lifecycle } from "../wire/lifecycle.ts";
import { addReflection } from "../wire/reflection/reflection.ts";
import { openChangeFeed, openChecks, openLimitNotices, openModelChecks, openWatches } from "./background.ts";
import type { Boot, Disposer } from "./parts.ts";
import {
  openAccess,
  openApplyDir,
  openChats,
  openEgress,
  openMetrics,
  openSecretRefs,
  openTracer,
  openWellness,
} from "./parts.ts";
import { openStorage, type Storage } from "./storage.ts";

const MIB = 2 ** 20;
const MAX_BYTES = 4 * MIB;
/** They carry images. */
const MAX_BYTES_OF_CHATS = 16 * MIB;
/** As much as Anthropic's API takes. */
const MAX_BYTES_OF_FACES = 32 * MIB;

/** A database that does not answer is waited for no longer when all calls have ended. */
const CLOSING_MS = 3_000;

/** What a call of an rpc may wait for besides the database decides how long it may take. */
function waitsForEndpoints({ name }: DescMethod): boolean {
  return (
    !/^(Get|List|Create|Update|Upsert|Delete|Undelete|SetDefault|Set|Revoke|Query)/.test(name) || /Models$/.test(name)
  );
}

/** A server that answers. */
export interface Server {
  readonly url: string;
  readonly port: number;
  readonly store: Store;
  /** The first API key, if it was made by this start: it cannot be shown again. */
  readonly newApiKey: Secret | undefined;
  /** Where the files of the embedded PostgreSQL really are; undefined without one. */
  readonly files: string | undefined;
  /**
   * Finishes what runs, ends what does not finish, and closes everything that was opened. Calls are still taken for a
   * time of grace, in milliseconds, while the server says that it is not ready.
   */
  stop(graceMs?: number): Promise<void>;
}

/** What is given beside the settings. */
export interface BuildOptions {
  /** Aborts when there is no time to stop: what would go on without this process ends at once. */
  readonly halt?: AbortSignal;
  /** Told when a chat comes to one; only tests give it. */
  readonly reachFailpoint?: ReachFailpoint;
}

/** Opens, from the database up, all that makes a server; what was opened is closed again if a later step fails. */
export async function build(config: Config, log: Logger, options: BuildOptions = {}): Promise<Server> {
  if (config.bootstrapApiKey && !parseApiKey(config.bootstrapApiKey.reveal())) {
    throw new ConfigError(
      "BOOTSTRAP_API_KEY is not a Patchbay API key, or mistyped. Make one with: npm start -- --new-api-key",
    );
  }
  const disposers: Disposer[] = [];
  const boot: Boot = { config, log, disposers, halt: options.halt ?? new AbortController().signal };
  const close = async () => {
    for (const disposer of disposers.splice(0).reverse()) await disposer();
  };
  try {
    const storage = await openStorage(boot);
    const { store, files } = storage;
    const newApiKey = await bootstrap(store.fork(), config.bootstrapApiKey);
    const { listener, drain } = await openServices(boot, storage, options);
    const stop = async (graceMs = 0) => {
      await drain(graceMs);
      // What is still to be written is written, if the database answers.
      const patience = setTimeout(() => store.giveUp(), CLOSING_MS);
      await close();
      clearTimeout(patience);
    };
    return { url: listener.url, port: listener.port, store, newApiKey, files, stop };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The rules, from what they need to what serves them. */
async function openServices(boot: Boot, storage: Storage, { reachFailpoint = () => {} }: BuildOptions) {
  const { config } = boot;
  const { store, vault } = storage;
  const egress = openEgress(boot);
  const upstreams = new Upstreams({ egress });
  const limits = new Limits(store, config.limits);
  const secretRefs = openSecretRefs(boot);
  const { callers, keys, holderUses, near, ...access } = openAccess(boot, storage, limits);
  const targets = new LlmTargets({ store, vault, secretRefs });
  const llms = new Llms({ store, vault, egress, targets, secretRefs });
  const rotation = new CredentialsRotation({ vault, targets, secretRefs });
  const deletedLlms = new DeletedLlms({ targets });
  const feed = openChangeFeed(boot, store);
  openLimitNotices(boot, store);
  const { llmWatch, routeWatch } = openWatches(storage, feed, keys);
  const wellness = openWellness(boot, store);
  const onProven = (llmId: string, startedAt: number) => wellness.proven(llmId, startedAt);
  const tests = new ConnectionTests({ limits, vault, egress, upstreams, secretRefs, onProven });
  const providers = new Providers({
    rows: store.listRows,
    vault,
    egress,
    secretRefs,
    users: { leaveProvider, forget: (llm) => targets.forget(llm) },
  });
  const lists = new ModelLists({ upstreams });
  const vendors = new Vendors({ limits, vault, upstreams, secretRefs, lists });
  const llmModels = new LlmModels({ limits, vault, secretRefs, lists, vendors });
  const budgets = new Budgets({ vault, targets, near });
  const { checks, signals } = openChecks(boot, store, tests);
  const modelChecks = openModelChecks(boot, store, llmModels);
  const { chats, passThrough, routeCalls } = await openChats(
    boot,
    storage,
    { limits, uses: holderUses, targets, upstreams, budgets, signals, wellness },
    reachFailpoint,
  );
  const names = new LlmNames({ store });
  const routes = new Routes({ store, vault, names });
  const faces = openFaces({ names, targets, passThrough, chats, routeCalls });
  const forget = () => {
    llms.forgetShown();
    names.forget();
  };
  const serve = (plain: ConnectRouter) => {
    const router = withMutations(withLlmNames(withFreshReads(plain, forget), names), { vault });
    router.service(LlmService, llmRpcs({ llms, llmModels, deletedLlms, llmWatch, tests, rotation }));
    router.service(ChatService, chatRpcs({ chats, sessions: new Sessions({ rows: store.listRows, vault }) }));
    router.service(UsageService, usageRpcs({ usage: new UsageReport({ vault, rows: store.listRows }) }));
    router.service(BudgetService, budgetRpcs({ budgets }));
    router.service(PingService, pingRpcs({ tests }));
    router.service(AuditService, auditRpcs({ auditLog: new AuditLog({ rows: store.listRows, vault }) }));
    router.service(AccessService, accessRpcs({ ...access, names }));
    router.service(ProviderService, providerRpcs({ providers, vendors }));
    router.service(RouteService, routeRpcs({ routes, calls: routeCalls, routeWatch }));
  };
  const admit = createAdmission([...SERVICES, ...DIALECT_SERVICES, ...FACE_SERVICES], {
    callers,
    limits,
    uses: holderUses,
    fork: () => store.fork(),
  });
  const { listener, lifecycle } = await openWire(boot, store, serve, admit, faces);
  const drain = async (graceMs: number) => {
    const drained = lifecycle.drain(listener, graceMs);
    await delay(graceMs);
    feed.close(); // Who watches would not leave by themselves.
    await Promise.all([checks.stop(), modelChecks.stop(), drained]);
  };
  return { listener, drain };
}

/** The one port, with health and reflection beside our services. */
async function openWire(
  boot: Boot,
  store: Store,
  services: (router: ConnectRouter) => void,
  admit: ReturnType<typeof createAdmission>,
  faces: readonly Face[],
): Promise<{ listener: Listener; lifecycle: Lifecycle }> {
  const { config, log, disposers } = boot;
  const lifecycle = new Lifecycle(
    SERVICES.map(({ typeName }) => typeName),
    () => store.canServe(),
  );
  disposers.push(() => lifecycle.close());
  const applyDir = await openApplyDir(boot);
  const app = createApp({
    routes: (router) => {
      services(router);
      healthRpcs(router, lifecycle.health);
      addReflection(router, [...SERVICES, HealthService], [file_google_rpc_error_details, file_patchbay_v1_reason]);
    },
    dialects: DIALECTS,
    faces,
    files: [...SERVICES, ...DIALECT_SERVICES].map(({ file }) => file),
    maxBytes: (service) => {
      if (FACE_SERVICES.includes(service)) return MAX_BYTES_OF_FACES;
      return service === ChatService ? MAX_BYTES_OF_CHATS : MAX_BYTES;
    },
    maxBodyBytes: config.requestBodiesMib * MIB,
    admit,
    classify: outageOf,
    isReady: () => lifecycle.isReady(),
    isAlive: () => store.canRecover,
    timeoutMs: (method) => (waitsForEndpoints(method) ? ENDPOINT_TIMEOUT_MS : config.callTimeoutMs),
    log,
    metrics: await openMetrics(boot, store, applyDir),
    tracer: await openTracer(boot),
    corsOrigins: config.corsOrigins,
    consoleSignIn: config.oidc?.console,
    addressHeader: config.addressHeader,
    shutdownSignal: lifecycle.shutdownSignal,
  });
  const listener: Listener = await listen(app, {
    host: config.host,
    port: config.port,
    ...(config.tls ? { tls: config.tls } : {}),
    onError: (error) => log.error({ err: error }, "listener error"),
    onUnreadable: (facts) => log.info(facts, "a request could not be read"),
  });
  if (applyDir) {
    applyDir.start(store, app);
    disposers.push(() => applyDir.stop());
  }
  return { listener, lifecycle };
}
