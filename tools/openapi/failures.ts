import type { DescEnum, DescMethod } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { statusName } from "../../server/wire/rest/errors.ts";
import type { Prose } from "./schema/prose.ts";

/** A code that an rpc fails with, and for which reasons. */
export interface Failure {
  readonly code: string;
  readonly reasons: readonly string[];
  /** When it is which of them, if the rpc says more than the reasons do. */
  readonly conditions?: string;
}

/** The comment of an rpc: how it fails, and the rest of it. */
export interface RpcProse {
  readonly paragraphs: readonly string[];
  readonly failures: readonly Failure[];
}

const CODES = new Set(Object.values(Code).flatMap((code) => (typeof code === "number" ? [statusName(code)] : [])));

/** The reasons of refusals, as the contract comments on them: `CODE: meaning.` */
export class Reasons {
  readonly #comments: ReadonlyMap<string, { readonly code: string; readonly meaning: string }>;

  constructor(reasons: DescEnum, prose: Prose) {
    this.#comments = new Map(
      reasons.values
        .filter(({ number }) => number !== 0)
        .map((value) => {
          const [, code = "", meaning = ""] = /^([A-Z_]+): (.+)$/s.exec(prose.of(value)) ?? [];
          if (!CODES.has(code)) throw new Error(`the comment of ${value.toString()} does not begin with its code`);
          return [value.name, { code, meaning }];
        }),
    );
  }

  /** What a reason means, in a sentence. Throws if there is no such reason. */
  meaningOf(reason: string | undefined): string {
    return this.#commentOf(reason).meaning;
  }

  /** A refusal for one reason. */
  failure(reason: string): Failure {
    return { code: this.#commentOf(reason).code, reasons: [reason] };
  }

  /** Throws if there is no such reason, or if it has another code. */
  check(reason: string, code: string): void {
    const { code: own } = this.#commentOf(reason);
    if (own !== code) throw new Error(`${reason} is under ${code}, but the contract says that its code is ${own}`);
  }

  #commentOf(reason: string | undefined) {
    const comment = this.#comments.get(reason ?? "");
    if (comment === undefined) throw new Error(`${reason} is no reason of the contract`);
    return comment;
  }
}

/**
 * Reads the comment of an rpc, of which a paragraph may be `Fails with CODE: REASON if …, REASON. CODE: REASON.` or
 * `Fails as Other does.` Throws if that names something that there is not.
 */
export function readRpcProse(method: DescMethod, prose: Prose, reasons: Reasons): RpcProse {
  const paragraphs = prose.paragraphs(method);
  const failing = paragraphs.filter((paragraph) => paragraph.startsWith("Fails "));
  try {
    return {
      paragraphs: paragraphs.filter((paragraph) => !failing.includes(paragraph)),
      failures: failing.flatMap((paragraph) => readFailures(paragraph, method, prose, reasons)),
    };
  } catch (error) {
    throw new Error(`the comment of ${method.toString()} is wrong: ${(error as Error).message}`, { cause: error });
  }
}

function readFailures(paragraph: string, method: DescMethod, prose: Prose, reasons: Reasons): readonly Failure[] {
  const [, other] = /^Fails as (\w+) does\.$/.exec(paragraph) ?? [];
  const sibling = method.parent.methods.find(({ name }) => name === other);
  if (sibling) return readRpcProse(sibling, prose, reasons).failures;
  const [opening, ...parts] = paragraph.split(/(?:^Fails with |\. )([A-Z_]+): /);
  if (opening !== "") throw new Error("it does not say `Fails with CODE: REASON`");
  const codes = parts.filter((_, index) => index % 2 === 0);
  return codes.map((code, index) => readFailure(code, parts[2 * index + 1] ?? "", reasons));
}

function readFailure(code: string, text: string, reasons: Reasons): Failure {
  const names = [...new Set(text.match(REASON_NAME))];
  if (names.length === 0) throw new Error(`it gives no reason for ${code}`);
  for (const name of names) reasons.check(name, code);
  const saysMore = text.replace(REASON_NAME, "").match(/\w/) !== null;
  const conditions = text.replace(REASON_NAME, (name) => `\`${name}\``).replace(/\.$/, "");
  return { code, reasons: names, ...(saysMore && { conditions }) };
}

const REASON_NAME = /\b[A-Z]+(?:_[A-Z]+)+\b/g;
