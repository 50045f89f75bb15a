import { resolve } from "node:path";
import { Secret } from "./base/secret.ts";
import { ConfigError } from "./config-error.ts";
import type { LimitSettings } from "./domain/access/limits.ts";
import { type KeysConfig, readKeys } from "./keys-config.ts";
import { type OidcConfig, readOidc } from "./oidc-config.ts";
import { readSecretRefs, type SecretRefsConfig } from "./secret-refs-config.ts";
import { type AllowRule, parseAllowRules } from "./upstream/egress/allow-rule.ts";
import { type OtlpTarget, ruleFor } from "./upstream/otlp-collector.ts";

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** All that can be set, read once at start and frozen. */
export interface Config {
  readonly port: number;
  readonly host: string;
  /** Undefined: the embedded PostgreSQL under dataDir. */
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
  readonly bootstrapApiKey: Secret | undefined;
  readonly keys: KeysConfig;
  readonly egressAllow: readonly AllowRule[];
  readonly secretRefs: SecretRefsConfig;
  /** Undefined: clear text. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly corsOrigins: readonly string[];
  readonly limits: LimitSettings;
  /** In lower case; undefined: there is no proxy whose word counts. */
  readonly addressHeader: string | undefined;
  readonly logLevel: LogLevel;
  /** Whether `/metrics` is served. */
  readonly metrics: boolean;
  /** Undefined: nothing is traced. */
  readonly otlp: OtlpTarget | undefined;
  /** Undefined: only API keys are taken. */
  readonly oidc: OidcConfig | undefined;
}

interface Setting {
  readonly name: string;
  readonly fallback: string;
  readonly help: string;
}

/** Every setting, with what `--help` and the README say of it. */
export const SETTINGS: readonly Setting[] = [
  { name: "PORT", fallback: "8080", help: "Port to listen on; 0 for any free one." },
  { name: "HOST", fallback: "127.0.0.1", help: "Address to listen on; 0.0.0.0 for all." },
  {
    name: "DATABASE_URL",
    fallback: "",
    help: "postgres://user:password@host:5432/database, PostgreSQL 15 or later. Unset: an embedded PostgreSQL 18.",
  },
  { name: "DATA_DIR", fallback: "./data", help: "Where the embedded PostgreSQL keeps its files." },
  {
    name: "KEYRING_FILE",
    fallback: "<DATA_DIR>.keyring",
    help: "The keys that encrypt stored credentials, mode 0600; made on the first start. Losing it loses the credentials.",
  },
  {
    name: "KEYRING",
    fallback: "",
    help: "These keys themselves, instead of a file: what `npm run --silent keys -- generate` prints.",
  },
  {
    name: "VAULT_TRANSIT_KEY",
    fallback: "",
    help: "A key of HashiCorp Vault's transit engine, instead of a key ring: its name, or mount/name. Needs VAULT_ADDR and a token.",
  },
  { name: "VAULT_ADDR", fallback: "", help: "Where HashiCorp Vault is, such as https://vault.example.com:8200." },
  { name: "VAULT_TOKEN", fallback: "", help: "The token for HashiCorp Vault." },
  {
    name: "VAULT_TOKEN_FILE",
    fallback: "",
    help: "The file an agent keeps that token in, instead of VAULT_TOKEN; read for each call.",
  },
  { name: "VAULT_NAMESPACE", fallback: "", help: "The namespace in HashiCorp Vault Enterprise or HCP." },
  {
    name: "BOOTSTRAP_API_KEY",
    fallback: "",
    help: "An API key (pb_…) that shall be an ADMIN's, for scripts and tests. Unset: one is made and printed on the first start.",
  },
  {
    name: "EGRESS_ALLOW",
    fallback: "",
    help: "Endpoints outside the public internet that Llms may use, such as http://localhost:11434,http://10.0.5.0/24:8000.",
  },
  {
    name: "SECRET_REFS",
    fallback: "",
    help: "Secret references that Llms may use, each with where its key may go, such as env://OPENAI_API_KEY@https://api.openai.com. See docs/security/secrets.md.",
  },
  {
    name: "CORS_ORIGINS",
    fallback: "",
    help: "Origins whose pages may call this server from a browser, such as https://app.example.com.",
  },
  {
    name: "TLS_CERT_FILE",
    fallback: "",
    help: "A certificate chain in PEM: the port then speaks TLS. Read again when it changes.",
  },
  { name: "TLS_KEY_FILE", fallback: "", help: "The private key of TLS_CERT_FILE in PEM." },
  {
    name: "UNKNOWN_KEYS_PER_MINUTE",
    fallback: "60",
    help: "How many API keys that nobody has are looked up for one address; 0 for any number.",
  },
  {
    name: "TESTS_PER_MINUTE",
    fallback: "120",
    help: "How many tests of connections one API key may make; 0 for any number.",
  },
  { name: "CHATS_PER_MINUTE", fallback: "0", help: "How many chats one API key may make; 0 for any number." },
  {
    name: "CHAT_BYTES_PER_MINUTE",
    fallback: "0",
    help: "How many bytes the chats of one API key may send; 0 for any number.",
  },
  {
    name: "CLIENT_ADDRESS_HEADER",
    fallback: "",
    help: "The header in which your proxy says where a call comes from, such as X-Forwarded-For; its last address counts.",
  },
  { name: "LOG_LEVEL", fallback: "info", help: `One of ${LOG_LEVELS.join(", ")}.` },
  {
    name: "METRICS",
    fallback: "on",
    help: "on serves Prometheus' metrics at /metrics, to everybody who reaches the port; off does not.",
  },
  {
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    fallback: "",
    help: "An OpenTelemetry collector that takes OTLP over HTTP, such as http://localhost:4318. Unset: nothing is traced.",
  },
  {
    name: "OTEL_EXPORTER_OTLP_HEADERS",
    fallback: "",
    help: "Headers for the collector, percent-encoded, such as api-key=secret,team=ai.",
  },
  {
    name: "OIDC_ISSUER",
    fallback: "",
    help: "An OpenID Connect issuer whose tokens (JWT) are taken like API keys, such as https://login.example.com. Unset: none are.",
  },
  {
    name: "OIDC_AUDIENCE",
    fallback: "",
    help: "What those tokens must have as their audience; required with OIDC_ISSUER.",
  },
  {
    name: "OIDC_JWKS_URI",
    fallback: "",
    help: "Where the issuer's keys are. Unset: where its discovery document says.",
  },
  {
    name: "OIDC_ACCOUNT_CLAIM",
    fallback: "patchbay_account",
    help: "The claim of those tokens with the id of the account that the caller acts for, which must exist.",
  },
  {
    name: "OIDC_ROLE_CLAIM",
    fallback: "patchbay_role",
    help: "The claim with the caller's role: ADMIN, OWNER, MEMBER or VIEWER, alone or as one of a list.",
  },
];

/** Reads the settings; an unusable one is a ConfigError. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const read = (name: string) => env[name]?.trim() ?? "";
  const dataDir = resolve(read("DATA_DIR") || "data");
  return Object.freeze({
    port: readPort(read("PORT") || "8080"),
    host: read("HOST") || "127.0.0.1",
    databaseUrl: readDatabaseUrl(read("DATABASE_URL")),
    dataDir,
    bootstrapApiKey: read("BOOTSTRAP_API_KEY") ? new Secret(read("BOOTSTRAP_API_KEY")) : undefined,
    keys: readKeys(read, `${dataDir}.keyring`),
    egressAllow: readEgressAllow(read("EGRESS_ALLOW")),
    secretRefs: readSecretRefs(env, read, new Set(SETTINGS.map(({ name }) => name))),
    tls: readTls(read("TLS_CERT_FILE"), read("TLS_KEY_FILE")),
    corsOrigins: readOrigins(read("CORS_ORIGINS")),
    limits: {
      unknownKeysPerMinute: readCount("UNKNOWN_KEYS_PER_MINUTE", read("UNKNOWN_KEYS_PER_MINUTE") || "60"),
      testsPerMinute: readCount("TESTS_PER_MINUTE", read("TESTS_PER_MINUTE") || "120"),
      chatsPerMinute: readCount("CHATS_PER_MINUTE", read("CHATS_PER_MINUTE") || "0"),
      chatBytesPerMinute: readCount("CHAT_BYTES_PER_MINUTE", read("CHAT_BYTES_PER_MINUTE") || "0"),
    },
    addressHeader: readHeaderName("CLIENT_ADDRESS_HEADER", read("CLIENT_ADDRESS_HEADER")),
    logLevel: readLogLevel(read("LOG_LEVEL") || "info"),
    metrics: readSwitch("METRICS", read("METRICS") || "on"),
    otlp: readOtlp(read("OTEL_EXPORTER_OTLP_ENDPOINT"), read("OTEL_EXPORTER_OTLP_HEADERS")),
    oidc: readOidc(read),
  });
}

/** What `--help` prints. */
export function helpText(): string {
  const width = Math.max(...SETTINGS.map(({ name }) => name.length)) + 2;
  const lines = SETTINGS.flatMap(({ name, fallback, help }) => [
    `  ${name.padEnd(width)}${help}`,
    `  ${"".padEnd(width)}Default: ${fallback || "none"}`,
  ]);
  return `Patchbay keeps your team's LLM connections and serves them over gRPC, gRPC-Web, Connect and REST on one port.

Usage:
  npm start                                       start the server
  npm start -- --help                             show this
  npm start -- --new-api-key                      print a fresh key for BOOTSTRAP_API_KEY
  PORT=9000 EGRESS_ALLOW=http://localhost:11434 npm start

Settings, all optional, from the environment:
${lines.join("\n")}
`;
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new ConfigError(`PORT is "${text}"; it must be a number from 0 to 65535.`);
  }
  return port;
}

function readDatabaseUrl(text: string): string | undefined {
  if (text === "") return undefined;
  // The text may hold a password: it is not repeated.
  if (!/^postgres(ql)?:$/.test(URL.parse(text)?.protocol ?? "")) {
    throw new ConfigError("DATABASE_URL must look like postgres://user:password@host:5432/database.");
  }
  return text;
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
