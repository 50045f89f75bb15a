import { bodyTooSlow, callCancelled, serverBusy } from "../call/wire-error.ts";
import type { NodeRequest, NodeResponse } from "./exchange.ts";
import { LIMITS, type Limits } from "./limits.ts";

const NONE = new Uint8Array(0);
const MIB = 2 ** 20;
/** So much of each body is not counted: a socket reads as much at once, and most bodies are smaller. */
const UNCOUNTED_BYTES = 65_536;

export interface IntakeOptions {
  /** What all bodies together may have; each stays until its call is answered. */
  readonly maxBytes: number;
  readonly limits: Pick<Limits, "bodyGraceMs" | "bodyBytesPerSecond">;
}

/**
 * What is taken in of the bodies of all calls. One body is bounded by what its rpc takes; this bounds what all of them
 * hold together, and how long a slow one is waited for.
 */
export class Intake {
  readonly #maxBytes: number;
  readonly #limits: IntakeOptions["limits"];
  #heldBytes = 0;

  constructor({ maxBytes, limits }: IntakeOptions = { maxBytes: 256 * MIB, limits: LIMITS }) {
    this.#maxBytes = maxBytes;
    this.#limits = limits;
  }

  /** What the bodies of calls that are not answered yet hold, but for their beginnings. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Begins to count a body; `onSlow` is told once, if it comes too slowly. One that has come whole cannot. */
  open(response: NodeResponse, onSlow: (error: Error) => void, isWhole = false): Arrival {
    return new Arrival(this, this.#limits, response, isWhole ? undefined : onSlow);
  }

  /** Makes room for a body in another form, such as decompressed; throws if there is none. */
  hold(response: NodeResponse, bytes: number): void {
    const counted = bytes - UNCOUNTED_BYTES;
    if (counted <= 0) return;
    if (!this.take(counted)) throw serverBusy();
    response.once("close", () => this.giveBack(counted));
  }

  /** Takes room for bytes, if there is some. */
  take(bytes: number): boolean {
    if (this.#heldBytes + bytes > this.#maxBytes) return false;
    this.#heldBytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}

/** A body that arrives. */
export class Arrival {
  readonly #intake: Intake;
  readonly #limits: IntakeOptions["limits"];
  readonly #response: NodeResponse;
  readonly #onSlow: ((error: Error) => void) | undefined;
  readonly #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #sizeBytes = 0;
  #heldBytes = 0;

  /** Without `onSlow`, nobody waits for it. */
  constructor(
    intake: Intake,
    limits: IntakeOptions["limits"],
    response: NodeResponse,
    onSlow: ((error: Error) => void) | undefined,
  ) {
    this.#intake = intake;
    this.#limits = limits;
    this.#response = response;
    this.#onSlow = onSlow;
    if (onSlow) this.#timer = setTimeout(() => this.#look(), limits.bodyGraceMs);
  }

  /** Counts bytes that have come; answers with why they cannot be kept. */
  add(bytes: number): Error | undefined {
    this.#sizeBytes += bytes;
    const more = this.#sizeBytes - UNCOUNTED_BYTES - this.#heldBytes;
    if (more <= 0) return undefined;
    if (!this.#intake.take(more)) return serverBusy();
    if (this.#heldBytes === 0) {
      // The message that is made of it lives as long as its call.
      this.#response.once("close", () => this.giveBack());
    }
    this.#heldBytes += more;
    return undefined;
  }

  /** Counts bytes that have come and are not kept. */
  pass(bytes: number): void {
    this.#sizeBytes += bytes;
  }

  /** All has come. */
  end(): void {
    clearTimeout(this.#timer);
  }

  /** No more is wanted, either. */
  drop(): void {
    this.end();
    this.giveBack();
  }

  /** What has come so far is not kept. */
  giveBack(): void {
    this.#intake.giveBack(this.#heldBytes);
    this.#heldBytes = 0;
  }

  /** Whoever sends has a time of grace, and more of it the more they send. */
  #look(): void {
    const { bodyGraceMs, bodyBytesPerSecond } = this.#limits;
    const allowedMs = bodyGraceMs + (this.#sizeBytes / bodyBytesPerSecond) * 1_000;
    const leftMs = allowedMs - (performance.now() - this.#startedAt);
    if (leftMs <= 0) this.#onSlow?.(bodyTooSlow(bodyBytesPerSecond));
    else this.#timer = setTimeout(() => this.#look(), leftMs);
  }
}

/** Where a body goes to, and whose call it is of. */
export interface Intaking {
  readonly intake: Intake;
  readonly response: NodeResponse;
}

/**
 * All bytes that a request sends, up to a limit. By events, not by an async iterator: that one would destroy the request,
 * and with it the answer, when it stops early.
 */
export function readBytes(
  request: NodeRequest,
  { intake, response }: Intaking,
  limitBytes: number,
  refuse: () => Error,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    const stop = (error: Error) => {
      arrival.drop();
      request.off("data", onData).pause();
      reject(error);
    };
    const arrival = intake.open(response, stop, request.complete);
    // What finds no room is read all the same, and thrown away: many clients hear nothing of an answer while they send.
    let noRoom: Error | undefined;
    const onData = (chunk: Uint8Array) => {
      sizeBytes += chunk.length;
      if (sizeBytes > limitBytes) return stop(refuse());
      if (noRoom) return arrival.pass(chunk.length);
      noRoom = arrival.add(chunk.length);
      if (!noRoom) return void chunks.push(chunk);
      chunks.length = 0;
      arrival.giveBack();
    };
    request.on("data", onData);
    request.once("end", () => {
      arrival.end();
      if (noRoom) reject(noRoom);
      else resolve(chunks.length === 1 ? (chunks[0] ?? NONE) : Buffer.concat(chunks));
    });
    request.once("error", () => stop(callCancelled()));
    // Every request closes, and an error is not made for nothing.
    request.once("close", () => request.readableEnded || stop(callCancelled()));
  });
}
