/** What a query asks of rows, piece by piece; all of it has to hold. */
export class Conditions {
  readonly values: unknown[] = [];
  readonly #texts: string[] = [];

  /** A condition, with its values in the places of its question marks. */
  add(text: string, ...values: readonly unknown[]): void {
    let place = this.values.length;
    this.values.push(...values);
    this.#texts.push(text.replaceAll("?", () => `$${++place}`));
  }

  get text(): string {
    return this.#texts.join(" and ") || "true";
  }
}
