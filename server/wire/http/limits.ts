/** What a listener lets a peer do before it is cut off; each number says where it comes from. */
export const LIMITS = {
  /**
   * How long a new socket may take to show what it speaks: the first bytes, or the whole TLS handshake.
   * Our choice, far above any honest client's need. Node gives a handshake 120 s and a silent socket 60 s.
   */
  openingTimeoutMs: 10_000,

  /** How long the header of an HTTP/1.1 request may take. mod_reqtimeout of Apache begins with 20 s, Node allows 60 s. */
  headersTimeoutMs: 20_000,

  /**
   * How long an HTTP/1.1 request may take to arrive with its whole body; the answer may take any time.
   * Node's default: the largest message, 16 MiB, gets through at 56 kB/s.
   */
  requestTimeoutMs: 300_000,

  /**
   * How long a body may take before it must come at a pace, and that pace: 16 MiB may take half an hour by it, and a body
   * in drops is refused after the first. mod_reqtimeout of Apache begins with 20 s, too.
   */
  bodyGraceMs: 20_000,
  bodyBytesPerSecond: 10_000,

  /** How often Node looks for requests over the two timeouts above; its default, 30 s, would more than double the first. */
  requestCheckMs: 5_000,

  /**
   * How long a connection may be silent between calls. nginx's default, and above the 60 s of an AWS load balancer:
   * whoever closes first must be the side that sends the requests, or one of them meets a closed socket.
   */
  silenceTimeoutMs: 75_000,

  /** How long an HTTP/2 peer may take to answer a PING, or a goodbye, before it counts as dead: gRPC's default. */
  pingTimeoutMs: 20_000,

  /** How long a reader may take nothing of an answer that waits for it: nginx's send_timeout. */
  stallTimeoutMs: 60_000,

  /** How large the header of one request may be: Node's default, twice the 8 KiB that gRPC peers count on. */
  maxHeaderBytes: 16 * 1024,

  /** Open streams a connection. RFC 9113, section 6.5.2, wants no fewer; more wait, or get another connection. */
  maxConcurrentStreams: 100,

  /**
   * Resets that an HTTP/2 peer may make at once, and then each second (CVE-2023-44487). Measured with resets in pieces
   * of 10 to 200: the connection ends after 100 to 400 of them, with Node's defaults, 1,000 and 33, after 1,100 to
   * 2,500. Of a flood in one piece each lets through what one read of the socket holds, some 2,300.
   */
  streamResetBurst: 50,
  streamResetRate: 5,

  /**
   * Memory in MB, most of it answers that wait for their reader, above which a connection gets no new streams.
   * Sixteen answers of the usual limit, 4 MiB; Node's default, 10 MB, would refuse calls after the third.
   */
  maxSessionMemoryMb: 64,

  /** How often the certificate files are read to see whether they changed. */
  certificateCheckMs: 10_000,
};

/** The limits as a type; tests pass shorter ones. */
export type Limits = typeof LIMITS;
