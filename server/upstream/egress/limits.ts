import type { Patience } from "../models/patience.ts";

/** How long a call may take and how much it may bring. */
export interface Limits extends Patience {
  /** To resolve the name, connect and agree on TLS. */
  readonly connectMs: number;
  /** For all calls of the test of a connection. */
  readonly testMs: number;
  /** For a monitoring endpoint to say how it is. */
  readonly monitoringMs: number;
  /** Of a body that is read whole. */
  readonly bodyBytes: number;
  /**
   * Of a body that is read piece by piece. Larger than bodyBytes, since a provider wraps each token in some 300 bytes
   * of JSON: 128,000 tokens, the longest reply there is today, come to 40 MB, of which never more than a piece is held.
   */
  readonly streamBytes: number;
  /** Of one line of an event stream. */
  readonly lineBytes: number;
  /** Of a reply's headers together. */
  readonly headerBytes: number;
  /** Of a reply's headers. */
  readonly headerCount: number;
  /** Pools of connections that are kept while no call is under way in them. */
  readonly idlePools: number;
  /** How long an unused connection is kept. */
  readonly keepAliveMs: number;
}

/** What every call keeps to; tests shorten it. */
export const defaultLimits: Limits = Object.freeze({
  connectMs: 5_000,
  firstPieceMs: 300_000,
  betweenPiecesMs: 120_000,
  wholeMs: 1_800_000,
  testMs: 30_000,
  monitoringMs: 5_000,
  bodyBytes: 16 * 1024 * 1024,
  streamBytes: 64 * 1024 * 1024,
  lineBytes: 1024 * 1024,
  headerBytes: 16 * 1024,
  headerCount: 128,
  idlePools: 1_000,
  keepAliveMs: 30_000,
});
