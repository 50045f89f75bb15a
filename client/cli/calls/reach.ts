import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { problemOf } from "../../llm.ts";

/** What stands between a transport and its server is told as a sentence that says what to do. */
export function tellingReach(transport: Transport, url: string): Transport {
  return {
    async unary(...call) {
      try {
        return await transport.unary(...call);
      } catch (error) {
        throw reached(error, url);
      }
    },
    async stream(...call) {
      try {
        const response = await transport.stream(...call);
        return { ...response, message: tellingEnd(response.message, url) };
      } catch (error) {
        throw reached(error, url);
      }
    },
  };
}

async function* tellingEnd<T>(messages: AsyncIterable<T>, url: string): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (error) {
    throw reached(error, url);
  }
}

/** The same error, if a Patchbay server has answered or the caller gave up. */
function reached(error: unknown, url: string): unknown {
  if (!(error instanceof ConnectError) || problemOf(error).reason !== "" || error.code === Code.Canceled) return error;
  const sentence = sentenceOf(error, new URL(url));
  return sentence ? new ConnectError(sentence, Code.Unavailable, undefined, undefined, error.cause) : error;
}

function sentenceOf(error: ConnectError, url: URL): string | undefined {
  if (error.code === Code.DeadlineExceeded)
    return `${url.origin} has not answered in the time that --timeout leaves it.`;
  const cause = error.cause as { name?: string; cause?: { code?: string; message?: string } } | undefined;
  if (cause?.name === "TypeError") return sentenceOfFetch(cause.cause?.code ?? "", cause.cause?.message ?? "", url);
  // Another server's answer, or a proxy's, has neither a reason nor often a sentence of its own.
  if (!/^(unsupported content type|HTTP \d|$)/.test(error.rawMessage)) return undefined;
  const answered = error.rawMessage ? ` (${error.rawMessage})` : "";
  return (
    `what answers at ${url.href} is no Patchbay server, or a proxy that does not reach one${answered}. ` +
    "Is the address right? It is that of the console, without /v1."
  );
}

const NO_TRUST = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
]);

function sentenceOfFetch(code: string, message: string, { protocol, host, hostname, origin }: URL): string {
  const isSecure = protocol === "https:";
  if (code === "ECONNREFUSED") return `nothing listens at ${origin}. Is the server running, and is the port right?`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `no host is found by the name ${hostname}. Is it right?`;
  if (isSecure && /^(ERR_SSL_|EPROTO)|SSL routines/.test(`${code} ${message}`)) {
    return `${host} does not speak TLS. Sign in with: patchbay login http://${host}`;
  }
  if (NO_TRUST.has(code)) {
    return (
      `nobody whom this machine trusts has signed the certificate of ${host}. ` +
      "Name a file with its authority's certificate, in PEM, in NODE_EXTRA_CA_CERTS."
    );
  }
  if (code === "CERT_HAS_EXPIRED") return `the certificate of ${host} has expired; whoever runs the server renews it.`;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return `the certificate of ${host} is for other names, not for this one.`;
  if (!isSecure && (code === "UND_ERR_SOCKET" || code === "ECONNRESET" || code.startsWith("HPE_"))) {
    return `${host} hung up without an answer. If it speaks TLS, sign in with: patchbay login https://${host}`;
  }
  return `${origin} cannot be reached: ${message || code || "the connection failed"}. Is it running, and is the address right?`;
}
