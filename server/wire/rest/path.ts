import { invalidRequest } from "../call/wire-error.ts";

/** A path template of a google.api.http rule, parsed by the grammar in google/api/http.proto. */
export interface PathTemplate {
  readonly source: string;
  /** Literals as written, with escapes in upper case; `*` and `**` are the wildcards. */
  readonly segments: readonly string[];
  /** What follows the colon; empty without one. */
  readonly verb: string;
  readonly variables: readonly PathVariable[];
}

/** The segments that a variable of a template covers. */
export interface PathVariable {
  readonly fieldPath: string;
  readonly start: number;
  /** The index after the last segment, or -1 if the variable takes the rest of the path. */
  readonly end: number;
}

/** A path template that the grammar forbids; the column counts from 1. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
  readonly column: number;

  constructor(template: string, column: number, problem: string) {
    super(`path template ${JSON.stringify(template)}, column ${column}: ${problem}`);
    this.column = column;
  }
}

/**
 * Parses a path template, or throws a TemplateError.
 *
 * Where the grammar leaves a choice, the strict one is taken: `**` stands only at the end, a variable holds no other
 * variable and is named once, and `/` alone is no template. A verb may hold colons.
 */
export function parsePathTemplate(source: string): PathTemplate {
  return new Parser(source).template();
}

const LITERAL = /[-\w.~!$&'()+,;@]/;
const IDENTIFIER = /[A-Za-z_]\w*/y;
const ESCAPE = /%[0-9A-Fa-f]{2}/y;

class Parser {
  readonly #source: string;
  readonly #segments: string[] = [];
  readonly #variables: PathVariable[] = [];
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  template(): PathTemplate {
    this.#expect("/");
    this.#readSegments(false);
    const verb = this.#accept(":") ? this.#readVerb() : "";
    if (this.#at < this.#source.length) throw this.#unexpected();
    return { source: this.#source, segments: this.#segments, verb, variables: this.#variables };
  }

  #readSegments(inVariable: boolean): void {
    do {
      if (this.#segments.at(-1) === "**") throw this.#error("`**` must be the last segment");
      if (this.#accept("**")) this.#segments.push("**");
      else if (this.#accept("*")) this.#segments.push("*");
      else if (this.#source[this.#at] !== "{") this.#segments.push(this.#readLiteral("a segment"));
      else if (inVariable) throw this.#error("a variable cannot hold another variable");
      else this.#readVariable();
    } while (this.#accept("/"));
  }

  #readVariable(): void {
    const column = this.#at;
    this.#expect("{");
    const fieldPath = this.#readFieldPath();
    if (this.#variables.some((variable) => variable.fieldPath === fieldPath)) {
      throw this.#error(`the variable ${fieldPath} appears twice`, column);
    }
    const start = this.#segments.length;
    if (this.#accept("=")) this.#readSegments(true);
    else this.#segments.push("*");
    this.#expect("}");
    this.#variables.push({ fieldPath, start, end: this.#segments.at(-1) === "**" ? -1 : this.#segments.length });
  }

  #readFieldPath(): string {
    const names = [this.#readName()];
    while (this.#accept(".")) names.push(this.#readName());
    return names.join(".");
  }

  #readName(): string {
    const name = this.#match(IDENTIFIER);
    if (name === undefined) throw this.#error("expected the name of a field");
    return name;
  }

  #readVerb(): string {
    const parts = [this.#readLiteral("a verb")];
    while (this.#accept(":")) parts.push(this.#readLiteral("a verb"));
    return parts.join(":");
  }

  #readLiteral(what: string): string {
    let literal = "";
    for (let char = this.#source[this.#at]; char !== undefined; char = this.#source[this.#at]) {
      if (char === "%") literal += this.#readEscape();
      else if (LITERAL.test(char)) literal += this.#source[this.#at++];
      else break;
    }
    if (literal === "") throw this.#error(`expected ${what}`);
    return literal;
  }

  #readEscape(): string {
    const escaped = this.#match(ESCAPE);
    if (escaped === undefined) throw this.#error("expected two hexadecimal digits after `%`");
    return escaped.toUpperCase();
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #accept(token: string): boolean {
    if (!this.#source.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #expect(token: string): void {
    if (!this.#accept(token)) throw this.#error(`expected \`${token}\``);
  }

  #unexpected(): TemplateError {
    return this.#error(`unexpected \`${this.#source[this.#at]}\``);
  }

  #error(problem: string, at = this.#at): TemplateError {
    return new TemplateError(this.#source, at + 1, problem);
  }
}

/** Decodes every escape, once. Throws if a `%` starts none, or if the bytes are not UTF-8. */
export function decodeAll(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw invalidRequest("the URL has a `%` that does not escape UTF-8", error);
  }
}

/** Decodes every escape, once, but leaves an escaped slash as it is written: it is no separator. */
export function decodeAllButSlash(text: string): string {
  if (!text.includes("%")) return text;
  return text
    .split(/(%2f)/i)
    .map((part, index) => (index % 2 === 1 ? part : decodeAll(part)))
    .join("");
}

/** Writes the digits of escapes in upper case, as RFC 3986 asks for before a comparison. */
export function upperCaseEscapes(text: string): string {
  return text.includes("%") ? text.replace(/%[0-9a-f]{2}/gi, (escaped) => escaped.toUpperCase()) : text;
}
