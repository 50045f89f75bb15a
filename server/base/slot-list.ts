/**
 * Who is there, where they come and go by the thousand a second.
 *
 * In the place of a Set, of which V8 makes a new table every few hundred changes: calls that were long over were kept, by
 * the old tables as far as we know (docs/decisions/memory.md).
 */
export class SlotList<Member extends object> implements Iterable<Member> {
  readonly #members: (Member | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#members.length - this.#free.length;
  }

  /** Adds a member, and tells the place to remove it from. */
  add(member: Member): number {
    const place = this.#free.pop() ?? this.#members.length;
    this.#members[place] = member;
    return place;
  }

  /** To be told once of each place. */
  remove(place: number): void {
    this.#members[place] = undefined;
    this.#free.push(place);
  }

  /** Members may leave meanwhile; who comes meanwhile may be missed. */
  *[Symbol.iterator](): Iterator<Member> {
    for (const member of this.#members) {
      if (member !== undefined) yield member;
    }
  }
}
