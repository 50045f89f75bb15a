/**
 * Runs a file of transcoding cases against server/wire/rest. Prints each case that differs: by choice, with the rule of
 * ours that explains it, or as a failure. Exits with 1 if there are failures.
 */
import { readFileSync } from "node:fs";
import { createRegistry } from "@bufbuild/protobuf";
import { type Code, ConnectError } from "@connectrpc/connect";
import { type CaseShapes, registryOfCases } from "../proofs/transcoding/case-types.ts";
import { checkMask, type MaskCase } from "../proofs/transcoding/mask-cases.ts";
import { MASK_SHAPES } from "../proofs/transcoding/mask-shapes.ts";
import {
  checkParameter,
  checkQuery,
  type ParameterCase,
  type QueryCase,
} from "../proofs/transcoding/parameter-cases.ts";
import { checkPath, checkTemplate, type PathCase, type TemplateCase } from "../proofs/transcoding/path-cases.ts";
import { checkCall, type RestCallCase } from "../proofs/transcoding/rest-call-cases.ts";
import { compare, type Verdict } from "../proofs/transcoding/verdict.ts";
import { presentError } from "../server/wire/rest/errors.ts";

interface ErrorCodeCase {
  readonly grpc_code: Code;
  readonly name: string;
  readonly http_status: number;
}

interface CaseFile {
  readonly message_shapes: CaseShapes;
  readonly route_sets: Parameters<typeof checkPath>[1];
  readonly template_parse?: readonly TemplateCase[];
  readonly path_match?: readonly PathCase[];
  readonly param?: readonly ParameterCase[];
  readonly query?: readonly QueryCase[];
  readonly rest_call?: readonly RestCallCase[];
  readonly field_mask?: readonly MaskCase[];
  readonly error_code?: readonly ErrorCodeCase[];
}

const [path] = process.argv.slice(2);
const text = path === undefined ? undefined : readCases(path);
if (text === undefined) {
  console.error(
    "usage: npm run check:transcoding -- FILE\nFILE holds cases in the format of fixtures/transcoding.json",
  );
  process.exit(2);
}
process.exit((await check(JSON.parse(text) as CaseFile)) ? 0 : 1);

function readCases(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    console.error(`cannot read ${file}: ${(error as Error).message}`);
    return undefined;
  }
}

/** Whether no case failed. */
async function check(file: CaseFile): Promise<boolean> {
  const types = registryOfCases(file.message_shapes);
  const maskTypes = registryOfCases(MASK_SHAPES);
  const isClean = [
    await run("template_parse", file.template_parse, checkTemplate),
    await run("path_match", file.path_match, (given) => checkPath(given, file.route_sets)),
    await run("param", file.param, (given) => checkParameter(given, types)),
    await run("query", file.query, (given) => checkQuery(given, types)),
    await run("rest_call", file.rest_call, checkCall),
    await run("field_mask", file.field_mask, (given) => checkMask(given, maskTypes)),
    await run("error_code", file.error_code, checkErrorCode),
  ];
  return isClean.every(Boolean);
}

async function run<Case>(
  group: string,
  cases: readonly Case[] = [],
  checkCase: (given: Case) => Verdict | Promise<Verdict>,
): Promise<boolean> {
  const counts = { passed: 0, chosen: 0, failed: 0 };
  for (const given of cases) {
    const verdict = await verdictOf(given, checkCase);
    counts[verdict.kind]++;
    report((given as { id?: string }).id ?? group, verdict);
  }
  console.log(`${group}: ${counts.passed} passed, ${counts.chosen} differ by choice, ${counts.failed} failed`);
  return counts.failed === 0;
}

async function verdictOf<Case>(given: Case, checkCase: (given: Case) => Verdict | Promise<Verdict>): Promise<Verdict> {
  try {
    return await checkCase(given);
  } catch (error) {
    return { kind: "failed", input: given, expected: "a result", got: (error as Error).stack };
  }
}

function report(id: string, verdict: Verdict): void {
  if (verdict.kind === "chosen") console.log(`  ${id} by choice: ${verdict.reasons.join("; ")}`);
  if (verdict.kind !== "failed") return;
  console.log(`  ${id} FAILED`);
  for (const part of ["input", "expected", "got"] as const) console.log(`    ${part}: ${show(verdict[part])}`);
}

function show(value: unknown): string {
  const shown = value instanceof Error ? value.message : typeof value === "string" ? value : JSON.stringify(value);
  return (shown ?? "nothing").slice(0, 2000);
}

function checkErrorCode(given: ErrorCodeCase): Verdict {
  const options = { errorDomain: "example.com", registry: createRegistry() };
  const { httpStatus, body } = presentError(new ConnectError("", given.grpc_code), options);
  const { status } = body.error as { status: string };
  return compare(given, [given.name, given.http_status], [status, httpStatus]);
}
