import type { ConnectRouter } from "@connectrpc/connect";
import { Health as HealthService } from "../gen/grpc/health/v1/health_pb.ts";
import { AccessService } from "../gen/patchbay/v1/access_service_pb.ts";
import { AuditService } from "../gen/patchbay/v1/audit_service_pb.ts";
import { BudgetService } from "../gen/patchbay/v1/budget_service_pb.ts";
import { ChatService } from "../gen/patchbay/v1/chat_service_pb.ts";
import { LlmService } from "../gen/patchbay/v1/llm_service_pb.ts";
import { PingService } from "../gen/patchbay/v1/ping_service_pb.ts";
import { ProviderService } from "../gen/patchbay/v1/provider_service_pb.ts";
import { UsageService } from "../gen/patchbay/v1/usage_service_pb.ts";
import packageJson from "../package.json" with { type: "json" };
import type { KekProvider } from "./base/kek-provider.ts";
import type { Logger } from "./base/logger.ts";
import type { Secret } from "./base/secret.ts";
import type { Config } from "./config.ts";
import { ConfigError } from "./config-error.ts";
import { Accounts } from "./domain/access/accounts.ts";
import { parseApiKey } from "./domain/access/api-key-format.ts";
import { ApiKeyUses } from "./domain/access/api-key-uses.ts";
import { ApiKeys } from "./domain/access/api-keys.ts";
import { bootstrap } from "./domain/access/bootstrap.ts";
import { Callers } from "./domain/access/callers.ts";
import { IdTokens } from "./domain/access/id-tokens.ts";
import { IssuedKeys } from "./domain/access/issued-keys.ts";
import { issuerKeys } from "./domain/access/issuer-keys.ts";
import { Limits } from "./domain/access/limits.ts";
import { AuditLog } from "./domain/audit/audit-log.ts";
import { Budgets } from "./domain/budgets/budgets.ts";
import { ChangeFeed } from "./domain/changes/change-feed.ts";
import { Chats } from "./domain/chat/chats.ts";
import type { ReachFailpoint } from "./domain/chat/failpoint.ts";
import { Leases } from "./domain/chat/leases.ts";
import { Lines } from "./domain/chat/lines.ts";
import { Sessions } from "./domain/chat/sessions.ts";
import { Turns } from "./domain/chat/turns.ts";
import { Checks } from "./domain/checks/checks.ts";
import { Signals } from "./domain/checks/signals.ts";
import { SecretRefs } from "./domain/credentials/secret-refs.ts";
import { forgetOldChanges, Housekeeping } from "./domain/housekeeping/housekeeping.ts";
import { ConnectionTests } from "./domain/llms/connection-tests.ts";
import { DeletedLlms, purgeLlms } from "./domain/llms/deleted-llms.ts";
import { LlmWatch } from "./domain/llms/llm-watch.ts";
import { Llms } from "./domain/llms/llms.ts";
import { CredentialsRotation } from "./domain/llms/rotation.ts";
import { Providers } from "./domain/providers/providers.ts";
import { Vendors } from "./domain/providers/vendors.ts";
import { UsageReport } from "./domain/usage/usage-report.ts";
import { openKeySource } from "./key-source.ts";
import { accessRpcs } from "./service/access.ts";
import { createAdmission } from "./service/admission.ts";
import { auditRpcs } from "./service/audit-log.ts";
import { budgetRpcs } from "./service/budgets.ts";
import { chatRpcs } from "./service/chats.ts";
import { DIALECT_SERVICES, DIALECTS } from "./service/dialects/dialects.ts";
import { llmRpcs } from "./service/llms.ts";
import { withMutations } from "./service/mutations.ts";
import { pingRpcs } from "./service/pings.ts";
import { providerRpcs } from "./service/providers.ts";
import { SERVICES } from "./service/services.ts";
import { usageRpcs } from "./service/usage.ts";
import type { Database } from "./store/database.ts";
import { EmbeddedPostgres } from "./store/embedded/embedded-postgres.ts";
import { Ledger } from "./store/ledger.ts";
import { outageOf } from "./store/outage.ts";
import { SecretFiles } from "./store/secret-files.ts";
import { Store } from "./store/store.ts";
import { Vault } from "./store/vault/vault.ts";
import { Egress } from "./upstream/egress/egress.ts";
import { KeyValueVault } from "./upstream/key-value-vault.ts";
import { OidcIssuer } from "./upstream/oidc-issuer.ts";
import { OtlpCollector } from "./upstream/otlp-collector.ts";
import { Upstreams } from "./upstream/upstreams.ts";
import { createApp } from "./wire/app.ts";
import { healthRpcs } from "./wire/health/rpcs.ts";
import { Lifecycle } from "./wire/lifecycle.ts";
import { type Listener, listen } from "./wire/listen/listen.ts";
import type { Metrics } from "./wire/observe/metrics.ts";
import type { Tracer } from "./wire/observe/trace.ts";
import { addReflection } from "./wire/reflection/reflection.ts";

const MIB = 2 ** 20;
const MOST_BYTES = 4 * MIB;
/** They carry images. */
const MOST_BYTES_OF_CHATS = 16 * MIB;

/** Undoes a step of opening. */
type Closer = () => Promise<void> | void;

/** A server that answers. */
export interface Server {
  readonly url: string;
  readonly port: number;
  readonly store: Store;
  /** The first API key, if it was made by this start: it cannot be shown again. */
  readonly newApiKey: Secret | undefined;
  /** Finishes what runs, ends what does not finish, and closes everything that was opened. */
  stop(): Promise<void>;
}

/** What only tests give. */
export interface TestOptions {
  /** Told when a chat comes to one. */
  readonly reachFailpoint?: ReachFailpoint;
}

/** Opens, from the database up, all that makes a server; what was opened is closed again if a later step fails. */
export async function build(config: Config, log: Logger, options: TestOptions = {}): Promise<Server> {
  if (config.bootstrapApiKey && !parseApiKey(config.bootstrapApiKey.reveal())) {
    throw new ConfigError(
      "BOOTSTRAP_API_KEY is not a Patchbay API key, or mistyped. Make one with: npm start -- --new-api-key",
    );
  }
  const closers: Closer[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const { store, vault } = await openStorage(config, log, closers);
    const newApiKey = await bootstrap(store.fork(), config.bootstrapApiKey);
    const { listener, drain } = await openWire(config, log, { store, vault }, closers, options);
    const stop = async () => {
      await drain();
      await close();
    };
    return { url: listener.url, port: listener.port, store, newApiKey, stop };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openStorage(config: Config, log: Logger, closers: Closer[]) {
  const onWarning = (message: string) => log.warn({}, message);
  const keys = await openKeySource(config.keys, log, closers);
  let database: Database;
  if (config.databaseUrl) {
    database = { url: config.databaseUrl };
  } else {
    const postgres = await EmbeddedPostgres.open(config.dataDir, onWarning);
    closers.push(() => postgres.stop());
    database = postgres.address;
  }
  const store = await Store.open(database, onWarning);
  closers.push(() => store.close());
  const vault = await openVault(config, store, keys);
  closers.push(() => vault.close());
  return { store, vault };
}

async function openVault({ keys: config }: Config, store: Store, keys: KekProvider | undefined): Promise<Vault> {
  const hasNoFile = config.kind === "file" && keys === undefined;
  return hasNoFile ? Vault.openFile(store.fork(), config.file) : Vault.open(store.fork(), keys as KekProvider);
}

async function openWire(
  config: Config,
  log: Logger,
  { store, vault }: { store: Store; vault: Vault },
  closers: Closer[],
  options: TestOptions,
): Promise<{ listener: Listener; drain: () => Promise<void> }> {
  const egress = new Egress({ allow: config.egressAllow });
  closers.push(() => egress.close());
  const upstreams = new Upstreams({ egress });
  const limits = await Limits.open(store, config.limits);
  const secretRefs = openSecretRefs(config, closers);
  const { callers, keys, ...access } = openAccess(config, log, { store, vault, limits }, closers);
  const lines = new Lines({ store, vault, secretRefs });
  const llms = new Llms({ store, vault, egress, lines, secretRefs });
  const rotation = new CredentialsRotation({ vault, lines, secretRefs });
  const deletedLlms = new DeletedLlms({ lines });
  const feed = openBackground(log, store, closers);
  const llmWatch = new LlmWatch({ vault, feed, keys });
  const tests = new ConnectionTests({ limits, vault, egress, upstreams, secretRefs });
  const providers = new Providers({ vault, egress, secretRefs, lines });
  const vendors = new Vendors({ limits, vault, upstreams, secretRefs });
  const budgets = new Budgets({ vault, lines });
  const { checks, signals } = openChecks(log, store, tests, closers);
  const chats = await openChats(
    config,
    log,
    { store, vault, limits, lines, upstreams, budgets, signals },
    closers,
    options,
  );
  const sessions = new Sessions({ vault });
  const usage = new UsageReport({ vault });
  const auditLog = new AuditLog({ vault });
  const lifecycle = new Lifecycle(
    SERVICES.map(({ typeName }) => typeName),
    () => store.isReachable(),
  );
  closers.push(() => lifecycle.close());
  const routes = (plain: ConnectRouter) => {
    const router = withMutations(plain, { vault });
    router.service(LlmService, llmRpcs({ llms, deletedLlms, llmWatch, tests, rotation }));
    router.service(ChatService, chatRpcs({ chats, sessions }));
    router.service(UsageService, usageRpcs({ usage }));
    router.service(BudgetService, budgetRpcs({ budgets }));
    router.service(PingService, pingRpcs({ tests }));
    router.service(AuditService, auditRpcs({ auditLog }));
    router.service(AccessService, accessRpcs(access));
    router.service(ProviderService, providerRpcs({ providers, vendors }));
    healthRpcs(router, lifecycle.health);
    addReflection(router, [...SERVICES, HealthService]);
  };
  const app = createApp({
    routes,
    dialects: DIALECTS,
    files: [...SERVICES, ...DIALECT_SERVICES].map(({ file }) => file),
    mostBytes: (service) => (service === ChatService ? MOST_BYTES_OF_CHATS : MOST_BYTES),
    admit: createAdmission([...SERVICES, ...DIALECT_SERVICES], { callers, limits, fork: () => store.fork() }),
    classify: outageOf,
    isReady: () => lifecycle.isReady(),
    log,
    metrics: await openMetrics(config, store),
    tracer: await openTracer(config, log, closers),
    corsOrigins: config.corsOrigins,
    addressHeader: config.addressHeader,
    shutdownSignal: lifecycle.shutdownSignal,
  });
  const listener: Listener = await listen(app, {
    host: config.host,
    port: config.port,
    ...(config.tls ? { tls: config.tls } : {}),
    onError: (error) => log.error({ err: error }, "the listener failed"),
  });
  const drain = async () => {
    feed.close(); // Who watches would not leave by themselves.
    await Promise.all([checks.stop(), lifecycle.drain(listener)]);
  };
  return { listener, drain };
}

/** What goes on between calls: who watches is woken, and what becomes due is done. */
function openBackground(log: Logger, store: Store, closers: Closer[]): ChangeFeed {
  const onWarning = (message: string) => log.warn({}, message);
  const feed = new ChangeFeed({ store, onWarning });
  closers.push(() => feed.close());
  const housekeeping = new Housekeeping(() => store.fork(), [purgeLlms, forgetOldChanges], onWarning);
  closers.push(() => housekeeping.stop());
  return feed;
}

/** Llms are checked by themselves, unless chats tell how they are. */
function openChecks(log: Logger, store: Store, tests: ConnectionTests, closers: Closer[]) {
  const signals = new Signals(() => store.fork());
  closers.push(() => signals.close());
  const checks = new Checks({ fork: () => store.fork(), tests, log });
  closers.push(() => checks.stop());
  return { checks, signals };
}

function openAccess(
  config: Config,
  log: Logger,
  { store, vault, limits }: { store: Store; vault: Vault; limits: Limits },
  closers: Closer[],
) {
  const uses = new ApiKeyUses({ store, onWarning: (message) => log.warn({}, message) });
  closers.push(() => uses.close());
  const keys = new ApiKeys({ store, limits, uses });
  const callers = new Callers({ keys, tokens: openIdTokens(config, log, store, closers) });
  return { callers, keys, accounts: new Accounts({ vault }), issuedKeys: new IssuedKeys({ vault, keys }) };
}

function openIdTokens(config: Config, log: Logger, store: Store, closers: Closer[]): IdTokens | undefined {
  if (!config.oidc) return undefined;
  const issuer = new OidcIssuer(config.oidc);
  closers.push(() => issuer.close());
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

/** What must never be read is all that is the server's own. */
function openSecretRefs({ secretRefs, dataDir, keys, tls }: Config, closers: Closer[]): SecretRefs {
  const { rules, ownSettings, readVariable, vault: target } = secretRefs;
  const vault = target && new KeyValueVault(target);
  if (vault) closers.push(() => vault.close());
  const tokens = [target?.token, keys.kind === "transit" ? keys.target.token : undefined];
  const files = new SecretFiles([
    dataDir,
    ...(keys.kind === "file" ? [keys.file] : []),
    ...(tls ? [tls.keyFile] : []),
    ...tokens.flatMap((token) => (token && "file" in token ? [token.file] : [])),
  ]);
  return new SecretRefs({ rules, ownSettings, sources: { readVariable, files, vault } });
}

async function openChats(
  config: Config,
  log: Logger,
  means: {
    store: Store;
    vault: Vault;
    limits: Limits;
    lines: Lines;
    upstreams: Upstreams;
    budgets: Budgets;
    signals: Signals;
  },
  closers: Closer[],
  { reachFailpoint = () => {} }: TestOptions,
): Promise<Chats> {
  const { store, vault } = means;
  const onWarning = (message: string) => log.warn({}, message);
  const ledger = new Ledger(store, onWarning);
  closers.push(() => ledger.close());
  const leases = new Leases(() => store.fork(), onWarning);
  closers.push(() => leases.close());
  // The embedded database is this server's alone: whatever runs in it, nobody runs.
  if (!config.databaseUrl) await leases.recover();
  const turns = new Turns({ vault, leases, reachFailpoint });
  return new Chats({ ...means, ledger, turns, reachFailpoint });
}

/** Loaded only when wanted, as is what traces: together they take a tenth of a second to load. */
async function openMetrics(config: Config, store: Store): Promise<Metrics | undefined> {
  if (!config.metrics) return undefined;
  const { Metrics } = await import("./wire/observe/metrics.ts");
  return new Metrics({ poolState: () => store.poolState(), version: packageJson.version });
}

async function openTracer(config: Config, log: Logger, closers: Closer[]): Promise<Tracer | undefined> {
  if (!config.otlp) return undefined;
  const { OtelTracer } = await import("./wire/observe/otel/otel-tracer.ts");
  const collector = new OtlpCollector(config.otlp);
  closers.push(() => collector.close());
  const tracer = new OtelTracer({
    serviceName: packageJson.name,
    version: packageJson.version,
    send: (body) => collector.send(body),
    onChange: (problem) => {
      if (problem) log.warn({ err: problem }, "spans do not reach OTEL_EXPORTER_OTLP_ENDPOINT and are lost");
      else log.info({}, "spans reach OTEL_EXPORTER_OTLP_ENDPOINT again");
    },
  });
  closers.push(() => tracer.close());
  return tracer;
}
