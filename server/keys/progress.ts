const EVERY_MS = 1_000;

/** A line on standard error that tells how far a command is: rewritten at a terminal, and else written now and then. */
export class Progress {
  #shownAt = 0;
  #isOpen = false;

  show(text: string, isLast: boolean): void {
    const now = Date.now();
    const isTerminal = process.stderr.isTTY;
    if (!isLast && now - this.#shownAt < (isTerminal ? EVERY_MS / 10 : EVERY_MS)) return;
    this.#shownAt = now;
    this.#isOpen = isTerminal && !isLast;
    process.stderr.write(isTerminal ? `\r\x1b[K${text}${isLast ? "\n" : ""}` : `${text}\n`);
  }

  end(): void {
    if (this.#isOpen) process.stderr.write("\r\x1b[K");
    this.#isOpen = false;
  }
}
