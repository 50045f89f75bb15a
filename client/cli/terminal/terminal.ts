import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Where the command writes: results to one stream, all that is about them to the other. */
export interface Terminal {
  readonly isInteractive: boolean;
  readonly isQuiet: boolean;
  /** A result, made of what is known to be harmless; styles may be in it. */
  write(text: string): void;
  /** A result as it came from elsewhere: on a terminal, without what would do more than show it. */
  writeData(text: string): void;
  /** About a result, for people; not in --quiet. */
  note(text: string): void;
  /** What went wrong. */
  error(text: string): void;
  /** What goes on, on one line that is overwritten; only on a terminal. An empty text ends it. */
  progress(text: string): void;
  /** Styled if results go to a terminal that shows colours. */
  style(style: Style, text: string): string;
}

/** What must not reach a terminal from a server, an endpoint or a model: whatever would move its cursor or more. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is meant
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** A text that can be shown: control characters, but for tabs and line ends, are replaced. */
export function printable(text: string): string {
  return text.replace(CONTROL, "\ufffd");
}

/** The terminal of this process. */
export function openTerminal({ isQuiet = false } = {}): Terminal {
  const { stdin, stdout, stderr } = process;
  let hasProgress = false;
  const clear = () => {
    if (hasProgress) stderr.write("\r\u001b[K");
    hasProgress = false;
  };
  return {
    isInteractive: Boolean(stdin.isTTY && stderr.isTTY),
    isQuiet,
    write(text) {
      clear();
      stdout.write(text);
    },
    writeData(text) {
      clear();
      stdout.write(stdout.isTTY ? printable(text) : text);
    },
    note(text) {
      if (isQuiet) return;
      clear();
      stderr.write(`${printable(text)}\n`);
    },
    error(text) {
      clear();
      stderr.write(`${styleText("red", "error:", { stream: stderr })} ${printable(text)}\n`);
    },
    progress(text) {
      if (isQuiet || !stderr.isTTY) return;
      clear();
      if (text === "") return;
      stderr.write(printable(text).slice(0, (stderr.columns ?? 80) - 1));
      hasProgress = true;
    },
    style: (style, text) => styleText(style, text, { stream: stdout }),
  };
}
