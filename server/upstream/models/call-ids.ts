import { randomBytes } from "node:crypto";

/**
 * The ids of the calls of one reply: the server's own, or one that is made up where it gives none, or the same to two. The result
 * of a tool has to name the call that it answers.
 */
export class CallIds {
  readonly #given = new Set<string>();

  /** The id of a call that the server calls so, by an empty text not at all. */
  of(serverId: string): string {
    const isOwn = serverId !== "" && !this.#given.has(serverId);
    const id = isOwn ? serverId : `call_${randomBytes(12).toString("hex")}`;
    this.#given.add(id);
    return id;
  }
}
