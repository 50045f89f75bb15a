import { LOG_LEVELS } from "../base/log.ts";

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
    help: "postgres://user:password@host:5432/database, PostgreSQL 15 or later; several hosts with commas and target_session_attrs, as libpq takes them. Unset: an embedded PostgreSQL 18.",
  },
  {
    name: "DATABASE_URL_DIRECT",
    fallback: "",
    help: "The same database past a pooler in DATABASE_URL that is in transaction mode: for migrations, and to be told of changes.",
  },
  {
    name: "DATABASE_URL_REPLICA",
    fallback: "",
    help: "A replica for reads that may be a moment old: lists of Llms, routes, Providers, accounts, API keys, sessions and audit events, and sums of usage. Without it, or while it is away or too far behind, they go to DATABASE_URL.",
  },
  {
    name: "DATABASE_REPLICA_LAG_MS",
    fallback: "10000",
    help: "How far the replica may be behind to be used, in milliseconds, 5000 or more.",
  },
  {
    name: "DATABASE_PASSWORD_FILE",
    fallback: "",
    help: "The file that the database's password is in, read for each new connection: a new one needs no restart.",
  },
  {
    name: "DATABASE_POOL_SIZE",
    fallback: "20",
    help: "How many connections to the database calls share; three more are for the server itself.",
  },
  {
    name: "DATABASE_CONNECT_TIMEOUT_MS",
    fallback: "5000",
    help: "How long a call waits for a connection to the database, in milliseconds.",
  },
  {
    name: "DATABASE_QUERY_TIMEOUT_MS",
    fallback: "5000",
    help: "How long a statement may take, in milliseconds; 2 s more, and its connection counts as dead.",
  },
  {
    name: "CALL_TIMEOUT_SECONDS",
    fallback: "30",
    help: "The deadline of calls that say none and wait for nothing but the database, 1 to 3600. Calls that wait for endpoints have 15 minutes.",
  },
  {
    name: "SHUTDOWN_GRACE_SECONDS",
    fallback: "5 with DATABASE_URL, else 0",
    help: "After SIGTERM, calls are still taken for this long, while /readyz and gRPC health already say no.",
  },
  {
    name: "USAGE_RETENTION_DAYS",
    fallback: "400",
    help: "How long the usage row of each reply is kept, in days; 0 for ever. Sums by day and Llm stay.",
  },
  {
    name: "CHANGE_RETENTION_HOURS",
    fallback: "24",
    help: "How far back WatchLlms can resume, in hours, 1 to 8760.",
  },
  {
    name: "AUDIT_RETENTION_DAYS",
    fallback: "0",
    help: "How long events of the audit log are kept, in days; 0 for ever.",
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
    help: "These keys themselves, instead of a file: what `patchbay keys generate` prints.",
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
    name: "APPLY_DIR",
    fallback: "",
    help: "A folder of manifests, as `patchbay apply` reads them, that the server applies when they change, and every five minutes: docs/apply.md.",
  },
  {
    name: "APPLY_KEY_FILE",
    fallback: "",
    help: "The file with the API key of the account that they are applied to. Unset: BOOTSTRAP_API_KEY.",
  },
  {
    name: "APPLY_PRUNE",
    fallback: "",
    help: "A label such as managed-by=git: Llms that have it and are in no manifest are deleted. Unset: nothing ever is.",
  },
  { name: "APPLY_SECONDS", fallback: "30", help: "How often APPLY_DIR is looked at, in seconds, 1 to 86400." },
  {
    name: "EGRESS_ALLOW",
    fallback: "",
    help: "Endpoints outside the public internet that Llms may use, such as http://localhost:11434,http://10.0.5.0/24:8000.",
  },
  {
    name: "UPSTREAM_FIRST_PIECE_SECONDS",
    fallback: "300",
    help: "How long an endpoint may take to the first piece of a reply, 1 to 3600: a queue, a cold model and a long prompt are silent for minutes.",
  },
  {
    name: "UPSTREAM_BETWEEN_PIECES_SECONDS",
    fallback: "120",
    help: "How long it may be silent between two pieces of a reply, 1 to 3600.",
  },
  {
    name: "UPSTREAM_WHOLE_SECONDS",
    fallback: "1800",
    help: "How long a whole reply may take, 1 to 86400. The same for chats that stream and for those that do not.",
  },
  {
    name: "DEMO_ENDPOINT",
    fallback: "on",
    help: "on lets Llms use patchbay:demo, an endpoint inside the server that repeats what it is told; off, as in production, does not.",
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
    name: "REQUEST_BODIES_MIB",
    fallback: "256",
    help: "How many MiB the bodies of all calls that are not answered yet may have together, 64 or more; memory is a few times as much. Over it: SERVER_BUSY.",
  },
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
    name: "LIMIT_WEBHOOK_URL",
    fallback: "",
    help: "Where it is told, by a signed POST, that four fifths of a limit are used, or all of it; its origin is opened in egress for that. Unset: nowhere.",
  },
  {
    name: "LIMIT_WEBHOOK_SECRET",
    fallback: "",
    help: "What signs these messages, as Standard Webhooks have it: whsec_ and 24 to 64 random bytes in base64. Required with LIMIT_WEBHOOK_URL.",
  },
  {
    name: "MODEL_CHECK_HOURS",
    fallback: "24",
    help: "How often endpoints are asked which models they list, in hours, 1 to 720; 0 for never. The model catalog is compared each day.",
  },
  {
    name: "CLIENT_ADDRESS_HEADER",
    fallback: "",
    help: "The header in which your proxy says where a call comes from, such as X-Forwarded-For; its last address counts.",
  },
  { name: "LOG_LEVEL", fallback: "info", help: `One of ${LOG_LEVELS.join(", ")}.` },
  {
    name: "LOG_FORMAT",
    fallback: "auto",
    help: "json for machines, pretty for people; auto is pretty at a terminal and json elsewhere.",
  },
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
  {
    name: "OIDC_LIMITS_CLAIM",
    fallback: "patchbay_limits",
    help: "The claim with what the person may take, in the JSON of an API key's limits. A token whose claim cannot be read is refused.",
  },
  {
    name: "OIDC_DEFAULT_LIMITS",
    fallback: "",
    help: 'What persons may take whose tokens do not have that claim, such as {"requestsPerMinute": 60, "budget": {"amountUsd": "25", "period": "MONTH"}}.',
  },
  {
    name: "OIDC_CONSOLE_CLIENT_ID",
    fallback: "",
    help: "The public client that the console is at the issuer, so that people sign in to it there. Unset: they need an API key.",
  },
  {
    name: "OIDC_CONSOLE_SCOPE",
    fallback: "openid profile",
    help: "What the console asks the issuer for; openid must be among it.",
  },
];
