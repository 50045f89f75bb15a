import { resolve } from "node:path";
import { StartError } from "../base/fault.ts";
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "../base/log.ts";
import { Secret } from "../base/secret.ts";
import type { LimitSettings } from "../domain/access/limits.ts";
import type { DatabaseUrls } from "../store/connection/database-address.ts";
import type { Retention } from "../store/partitions/partitions.ts";
import type { StoreOptions } from "../store/store.ts";
import { type AllowRule, parseAllowRules } from "../upstream/egress/allow-rule.ts";
import type { Patience } from "../upstream/models/patience.ts";
import type { WebhookTarget } from "../upstream/operator/limit-webhook.ts";
import { type OtlpTarget, ruleFor } from "../upstream/operator/otlp-collector.ts";
import { type ApplyDirConfig, readApplyDir } from "./apply-dir.ts";
import { readCallTimeout, readDatabase, readRetention, readShutdownGrace, readStoreOptions } from "./database.ts";
import { type KeysConfig, readKeys } from "./keys.ts";
import { readLimitWebhook } from "./limit-webhook.ts";
import { type OidcConfig, readOidc } from "./oidc.ts";
import { readSecretRefs, type SecretRefsConfig } from "./secret-ref-settings.ts";
import { SETTINGS } from "./settings.ts";

/** All that can be set, read once at start and frozen. */
export interface Config {
  readonly port: number;
  readonly host: string;
  /** Undefined: the embedded PostgreSQL under dataDir. */
  readonly database: DatabaseUrls | undefined;
  readonly store: StoreOptions;
  /** For how long what grows is kept. */
  readonly retention: Retention;
  /** How long calls may take that wait for nothing but the database; in milliseconds. */
  readonly callTimeoutMs: number;
  /** After the signal to stop, calls are still taken for this long: whoever sends them has to notice first. */
  readonly shutdownGraceMs: number;
  readonly dataDir: string;
  /** Undefined: no folder of manifests is applied. */
  readonly applyDir: ApplyDirConfig | undefined;
  readonly bootstrapApiKey: Secret | undefined;
  readonly keys: KeysConfig;
  readonly egressAllow: readonly AllowRule[];
  /** How long endpoints are waited for. */
  readonly patience: Patience;
  /** Whether there is an endpoint inside the server for those who have none yet. */
  readonly demoEndpoint: boolean;
  readonly secretRefs: SecretRefsConfig;
  /** Undefined: clear text. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly corsOrigins: readonly string[];
  /** What the bodies of all calls may hold together. */
  readonly requestBodiesMib: number;
  readonly limits: LimitSettings;
  /** How often endpoints are asked for their models, in hours; 0 for never. */
  readonly modelCheckHours: number;
  /** In lower case; undefined: there is no proxy whose word counts. */
  readonly addressHeader: string | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Whether `/metrics` is served. */
  readonly metrics: boolean;
  /** Undefined: nothing is traced. */
  readonly otlp: OtlpTarget | undefined;
  /** Who is told that limits are near; undefined: nobody. */
  readonly limitWebhook: WebhookTarget | undefined;
  /** Undefined: only API keys are taken. */
  readonly oidc: OidcConfig | undefined;
}

/** The environment of the process; nothing else reads it. */
export const environment: Readonly<NodeJS.ProcessEnv> = process.env;

/** The environment with what a command line says before it, and what is usual behind it. */
export function environmentWith(
  first: Readonly<Record<string, string>>,
  last: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  return { ...last, ...environment, ...first };
}

/** Whether npm or npx started the process, and should not be outlived by it. */
export function isStartedByNpm({ npm_lifecycle_event, npm_command } = environment): boolean {
  return npm_lifecycle_event === "start" || npm_command === "exec";
}

/** Reads the settings; an unusable one is a ConfigError. */
export function readConfig(env: NodeJS.ProcessEnv = environment): Config {
  const read = (name: string) => env[name]?.trim() ?? "";
  const dataDir = resolve(read("DATA_DIR") || "data");
  return Object.freeze({
    port: readPort(read("PORT") || "8080"),
    host: read("HOST") || "127.0.0.1",
    database: readDatabase(read),
    store: readStoreOptions(read),
    retention: readRetention(read),
    callTimeoutMs: readCallTimeout(read),
    shutdownGraceMs: readShutdownGrace(read),
    dataDir,
    applyDir: readApplyDir(read),
    bootstrapApiKey: read("BOOTSTRAP_API_KEY") ? new Secret(read("BOOTSTRAP_API_KEY")) : undefined,
    keys: readKeys(read, `${dataDir}.keyring`),
    egressAllow: readEgressAllow(read("EGRESS_ALLOW")),
    patience: {
      firstPieceMs: readSeconds("UPSTREAM_FIRST_PIECE_SECONDS", read("UPSTREAM_FIRST_PIECE_SECONDS") || "300", 3_600),
      betweenPiecesMs: readSeconds(
        "UPSTREAM_BETWEEN_PIECES_SECONDS",
        read("UPSTREAM_BETWEEN_PIECES_SECONDS") || "120",
        3_600,
      ),
      wholeMs: readSeconds("UPSTREAM_WHOLE_SECONDS", read("UPSTREAM_WHOLE_SECONDS") || "1800", 86_400),
    },
    demoEndpoint: readSwitch("DEMO_ENDPOINT", read("DEMO_ENDPOINT") || "on"),
    secretRefs: readSecretRefs(env, read, new Set(SETTINGS.map(({ name }) => name))),
    tls: readTls(read("TLS_CERT_FILE"), read("TLS_KEY_FILE")),
    corsOrigins: readOrigins(read("CORS_ORIGINS")),
    requestBodiesMib: readBodiesMib(read("REQUEST_BODIES_MIB") || "256"),
    limits: {
      unknownKeysPerMinute: readCount("UNKNOWN_KEYS_PER_MINUTE", read("UNKNOWN_KEYS_PER_MINUTE") || "60"),
      testsPerMinute: readCount("TESTS_PER_MINUTE", read("TESTS_PER_MINUTE") || "120"),
      chatsPerMinute: readCount("CHATS_PER_MINUTE", read("CHATS_PER_MINUTE") || "0"),
      chatBytesPerMinute: readCount("CHAT_BYTES_PER_MINUTE", read("CHAT_BYTES_PER_MINUTE") || "0"),
    },
    modelCheckHours: readModelCheckHours(read("MODEL_CHECK_HOURS") || "24"),
    addressHeader: readHeaderName("CLIENT_ADDRESS_HEADER", read("CLIENT_ADDRESS_HEADER")),
    logLevel: readLogLevel(read("LOG_LEVEL") || "info"),
    logFormat: readLogFormat(read("LOG_FORMAT") || "auto"),
    metrics: readSwitch("METRICS", read("METRICS") || "on"),
    otlp: readOtlp(read("OTEL_EXPORTER_OTLP_ENDPOINT"), read("OTEL_EXPORTER_OTLP_HEADERS")),
    limitWebhook: readLimitWebhook(read),
    oidc: readOidc(read),
  });
}

/** The largest body, and what it is decompressed to, have to fit. */
const LEAST_BODIES_MIB = 64;

function readBodiesMib(text: string): number {
  const mib = Number(text);
  if (/^\d{1,6}$/.test(text) && mib >= LEAST_BODIES_MIB) return mib;
  throw new ConfigError(`REQUEST_BODIES_MIB is "${text}"; it must be a number of MiB, ${LEAST_BODIES_MIB} or more.`);
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new ConfigError(`PORT is "${text}"; it must be a number from 0 to 65535.`);
  }
  return port;
}

/** In milliseconds. */
function readSeconds(name: string, text: string, most: number): number {
  const seconds = Number(text);
  if (!/^\d+$/.test(text) || seconds < 1 || seconds > most) {
    throw new ConfigError(`${name} is "${text}"; it must be a number of seconds from 1 to ${most}.`);
  }
  return seconds * 1_000;
}

function readEgressAllow(text: string): readonly AllowRule[] {
  try {
    return parseAllowRules(text);
  } catch (error) {
    throw new ConfigError((error as Error).message, { cause: error });
  }
}

function readTls(certFile: string, keyFile: string): Config["tls"] {
  if (certFile === "" && keyFile === "") return undefined;
  const missing = certFile === "" ? "TLS_CERT_FILE" : "TLS_KEY_FILE";
  if (certFile === "" || keyFile === "")
    throw new ConfigError(`${missing} is missing: TLS_CERT_FILE and TLS_KEY_FILE go together.`);
  return { certFile: resolve(certFile), keyFile: resolve(keyFile) };
}

function readOrigins(text: string): readonly string[] {
  return text
    .split(",")
    .map((origin) => origin.trim())
    .filter(Boolean)
    .map((origin) => {
      if (URL.parse(origin)?.origin === origin) return origin;
      throw new ConfigError(
        `CORS_ORIGINS holds "${origin}"; it must be scheme://host[:port], nothing after, or several with commas.`,
      );
    });
}

function readCount(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new ConfigError(`${name} is "${text}"; it must be a number from 0, which is without a limit, to 999999999.`);
}

function readModelCheckHours(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 720) return Number(text);
  throw new ConfigError(`MODEL_CHECK_HOURS is "${text}"; it must be a number from 0, which is never, to 720.`);
}

function readHeaderName(name: string, text: string): string | undefined {
  if (text === "") return undefined;
  if (/^[\w-]{1,64}$/.test(text)) return text.toLowerCase();
  throw new ConfigError(`${name} is "${text}"; it must be the name of a header, such as X-Forwarded-For.`);
}

function readLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text);
  if (!level) throw new ConfigError(`LOG_LEVEL is "${text}"; it must be one of ${LOG_LEVELS.join(", ")}.`);
  return level;
}

function readLogFormat(text: string): LogFormat {
  const format = LOG_FORMATS.find((known) => known === text);
  if (!format) throw new ConfigError(`LOG_FORMAT is "${text}"; it must be one of ${LOG_FORMATS.join(", ")}.`);
  return format;
}

function readSwitch(name: string, text: string): boolean {
  if (text === "on" || text === "off") return text === "on";
  throw new ConfigError(`${name} is "${text}"; it must be on or off.`);
}

/** The traces' part of OpenTelemetry's variables for exporters: `/v1/traces` goes behind the endpoint's path. */
function readOtlp(endpoint: string, headers: string): Config["otlp"] {
  if (endpoint === "") return undefined;
  const url = `${endpoint.replace(/\/+$/, "")}/v1/traces`;
  try {
    ruleFor(url);
  } catch (error) {
    // The text may hold a password: it is not repeated.
    const advice = "it must look like http://localhost:4318; tokens go into OTEL_EXPORTER_OTLP_HEADERS";
    throw new ConfigError(`OTEL_EXPORTER_OTLP_ENDPOINT cannot be used: ${advice}.`, { cause: error });
  }
  return { url, headers: readOtlpHeaders(headers) };
}

function readOtlpHeaders(text: string): Record<string, Secret> {
  const pairs = text.split(",").filter((pair) => pair.trim() !== "");
  const entries = pairs.map((pair): [string, Secret] => {
    const [, name = "", value = ""] = /^\s*([\w-]+)\s*=(.*)$/.exec(pair) ?? [];
    const decoded = decode(value.trim());
    if (name !== "" && decoded !== undefined) return [name.toLowerCase(), new Secret(decoded)];
    throw new ConfigError(
      "OTEL_EXPORTER_OTLP_HEADERS must look like name=value,name=value, its values percent-encoded.",
    );
  });
  return Object.fromEntries(entries);
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // A stray percent sign.
  }
}

/** A setting that cannot be used; the message names it and says what would be right. */
export class ConfigError extends StartError {
  override readonly name = "ConfigError";
}
