import { readFileSync } from "node:fs";
import type { Config } from "../../config/config.ts";
import type { AllowRule } from "../../upstream/egress/allow-rule.ts";
import { Egress } from "../../upstream/egress/egress.ts";
import { UpstreamFailure } from "../../upstream/models/failure.ts";
import { OidcIssuer } from "../../upstream/operator/oidc-issuer.ts";
import { OtlpCollector } from "../../upstream/operator/otlp-collector.ts";
import { doubt, type Finding, fine, skipped, wrong } from "./finding.ts";

const PATIENCE_MS = 5_000;
const PROXIES = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "http_proxy",
  "https_proxy",
  "all_proxy",
  "NODE_USE_ENV_PROXY",
];

type Environment = Readonly<NodeJS.ProcessEnv>;

/** What the server would call: the endpoints that are opened for Llms, and systems of the operator's. */
export async function examineNetwork(config: Config, environment: Environment): Promise<Finding[]> {
  const found = await Promise.all([
    ...config.egressAllow.map(examineRule),
    examineCollector(config),
    examineIssuer(config),
  ]);
  return [...found.flat(), ...demo(config), ...references(config), ...proxies(config, environment)];
}

/** An origin is asked for its first page; what it answers is nothing to us. Names and networks of many are not tried. */
async function examineRule(rule: AllowRule): Promise<Finding[]> {
  const about = "EGRESS_ALLOW";
  const origin = originOf(rule);
  if (origin === undefined) return [skipped(about, `${writtenAs(rule)} is open; it is not one address to try`)];
  const egress = new Egress({ allow: [rule] });
  try {
    const response = await egress.request({
      ownerId: "operator",
      url: `${origin}/`,
      method: "GET",
      headers: { "user-agent": "patchbay" },
      streamed: false,
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return [fine(about, `${origin} is open, and answers (${response.status})`)];
  } catch (error) {
    if (!(error instanceof UpstreamFailure) && (error as Error).name !== "TimeoutError") throw error;
    const why = error instanceof UpstreamFailure ? error.message : `it did not answer in ${PATIENCE_MS} ms`;
    return [
      doubt(about, `${origin} is open, and does not answer: ${why}`, "Start it, or take it out of EGRESS_ALLOW."),
    ];
  } finally {
    await egress.close();
  }
}

function originOf({ protocol, host, port }: AllowRule): string | undefined {
  if (host.kind === "name") return `${protocol}//${host.name}:${port}`;
  if (host.kind === "wildcard") return undefined;
  const isOne = host.prefixLength === (host.network.includes(":") ? 128 : 32);
  return isOne ? `${protocol}//${host.network.includes(":") ? `[${host.network}]` : host.network}:${port}` : undefined;
}

function writtenAs({ protocol, host, port }: AllowRule): string {
  const name =
    host.kind === "wildcard"
      ? `*${host.suffix}`
      : host.kind === "name"
        ? host.name
        : `${host.network}/${host.prefixLength}`;
  return `${protocol}//${name}:${port}`;
}

async function examineCollector({ otlp }: Config): Promise<Finding[]> {
  const about = "OTEL_EXPORTER_OTLP_ENDPOINT";
  if (!otlp) return [];
  const collector = new OtlpCollector(otlp);
  try {
    const status = await collector.send('{"resourceSpans":[]}');
    if (status < 300) return [fine(about, "the collector takes spans")];
    const mend = status === 401 || status === 403 ? "Look at OTEL_EXPORTER_OTLP_HEADERS." : "Look at its log.";
    return [doubt(about, `the collector answers ${status}, and spans are lost`, mend)];
  } catch (error) {
    return [
      doubt(about, `the collector does not answer (${(error as Error).message}), and spans are lost`, "Start it."),
    ];
  } finally {
    await collector.close();
  }
}

async function examineIssuer({ oidc }: Config): Promise<Finding[]> {
  const about = "OIDC_ISSUER";
  if (!oidc) return [];
  const issuer = new OidcIssuer(oidc);
  try {
    const { keys } = JSON.parse(await issuer.keys(AbortSignal.timeout(PATIENCE_MS))) as { keys?: unknown[] };
    if (Array.isArray(keys) && keys.length > 0) return [fine(about, `it has ${keys.length} keys`)];
    return [wrong(about, "it has no keys, and no token of it is taken", "Look at OIDC_JWKS_URI.")];
  } catch (error) {
    const why = `its keys cannot be had (${(error as Error).message}), and no token of it is taken`;
    return [wrong(about, why, "Look at OIDC_ISSUER, to the letter as tokens have it in iss, and at OIDC_JWKS_URI.")];
  } finally {
    await issuer.close();
  }
}

function demo({ demoEndpoint, database }: Config): Finding[] {
  if (!demoEndpoint || !database) return [];
  return [
    doubt("DEMO_ENDPOINT", "Llms may use the endpoint inside the server, which is for trying out", "Set it to off."),
  ];
}

/** Of references to variables and files, whether there is something to refer to. */
function references({ secretRefs }: Config): Finding[] {
  return secretRefs.rules.flatMap(({ scheme, pattern }) => {
    const about = "SECRET_REFS";
    const uri = `${scheme}://${pattern}`;
    if (scheme === "env" && !pattern.endsWith("*") && !secretRefs.readVariable(pattern)?.trim()) {
      return [doubt(about, `${uri} is allowed, and that variable is not set here`, `Set ${pattern} for the server.`)];
    }
    if (scheme === "file" && !pattern.endsWith("/") && !pattern.includes("{owner}") && !canRead(pattern)) {
      return [doubt(about, `${uri} is allowed, and that file cannot be read`, "Mount it, or mend its owner and mode.")];
    }
    return [];
  });
}

function canRead(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false; // Why is the operator's to see: the mending is the same.
  }
}

/** The way out knows no proxy; the way in may have one, whose word on addresses is only taken when it is named. */
function proxies({ addressHeader, host }: Config, environment: Environment): Finding[] {
  const about = "proxies";
  const set = PROXIES.filter((name) => environment[name]);
  const found: Finding[] = [];
  if (set.length > 0) {
    found.push(
      doubt(
        about,
        `${set.join(", ")} is set, and a server does not heed it: it calls endpoints itself`,
        "Let the server reach them, or name a gateway in its place as the Llms' endpoint and in EGRESS_ALLOW.",
      ),
    );
  }
  if (addressHeader) {
    const what = `callers' addresses are taken from ${addressHeader}`;
    found.push(doubt(about, what, "Only a proxy of yours may reach the port: others could write what they like."));
  } else if (!/^(127\.|::1$|localhost$)/.test(host)) {
    found.push(fine(about, "callers' addresses are those of connections; behind a proxy, set CLIENT_ADDRESS_HEADER"));
  }
  return found;
}
