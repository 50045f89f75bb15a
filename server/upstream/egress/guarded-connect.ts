import { lookup } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import type { buildConnector } from "undici";
import type { AllowRule } from "./allow-rule.ts";
import { addressDenialUnder } from "./check-url.ts";
import { EgressDenied } from "./denial.ts";

/** All addresses of a name; rejects when there is no such name. */
export type Resolver = (name: string) => Promise<readonly string[]>;

/** Makes what opens sockets. It must find addresses by the `lookup` it is given, as node:net does. */
export type ConnectorFactory = (options: buildConnector.BuildOptions) => buildConnector.connector;

interface GuardOptions {
  readonly rule: AllowRule | undefined;
  readonly resolve: Resolver;
  readonly connectorFactory: ConnectorFactory;
  readonly connectMs: number;
  /** Sessions of TLS that are kept for the next connection. Default: undici's. */
  readonly maxCachedSessions?: number | undefined;
}

/**
 * Opens sockets to addresses that the policy allows and to no others.
 *
 * The guard is asked three times: before connecting for an address in the URL itself, which node:net never looks up; in
 * the lookup, where one bad address closes all of the name's, since any of them may be dialled; and after connecting,
 * for the address that the socket really has. The name is resolved here and nowhere else, so that what was judged is
 * what is dialled, and TLS still checks the certificate against the name.
 */
export function guardedConnect(options: GuardOptions): buildConnector.connector {
  const { rule, resolve, connectorFactory, connectMs, maxCachedSessions } = options;
  const deny = (addresses: readonly string[]): EgressDenied | undefined => {
    if (addresses.length === 0) return new EgressDenied("dns-empty");
    const reason = addresses.map((address) => addressDenialUnder(rule, address)).find((bad) => bad !== undefined);
    return reason === undefined ? undefined : new EgressDenied(reason);
  };
  const connect = connectorFactory({
    timeout: connectMs,
    ...(maxCachedSessions !== undefined && { maxCachedSessions }),
    // One call a socket: a reply cannot be mistaken for another's, and ending a call ends its connection.
    allowH2: false,
    autoSelectFamily: true,
    // Node takes NODE_TLS_REJECT_UNAUTHORIZED=0 for an answer; a certificate of one's own goes into NODE_EXTRA_CA_CERTS.
    rejectUnauthorized: true,
    lookup: guardedLookup(resolve, deny),
  });
  return (asked, callback) => {
    const denied = isIP(asked.hostname) === 0 ? undefined : deny([asked.hostname]);
    if (denied !== undefined) return callback(denied, null);
    connect(asked, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      const deniedNow = deny(socket.remoteAddress === undefined ? [] : [socket.remoteAddress]);
      if (deniedNow === undefined) return callback(null, socket);
      socket.destroy();
      callback(deniedNow, null);
    });
  };
}

function guardedLookup(
  resolve: Resolver,
  deny: (addresses: readonly string[]) => EgressDenied | undefined,
): LookupFunction {
  return (name, _options, callback) => {
    resolve(name).then(
      (addresses) => {
        const denied = deny(addresses);
        if (denied !== undefined) return callback(denied, []);
        callback(
          null,
          addresses.map((address) => ({ address, family: isIP(address) })),
        );
      },
      (error) => callback(error, []),
    );
  };
}

/** The system's own resolver, hosts file included. */
export const resolveBySystem: Resolver = async (name) => {
  const found = await lookup(name, { all: true, order: "verbatim" });
  return found.map(({ address }) => address);
};
