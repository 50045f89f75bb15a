import { type DescMethod, fromJson } from "@bufbuild/protobuf";
import { HttpRuleSchema } from "../../gen/google/api/http_pb.ts";
import { fieldsOf } from "../../server/wire/call/fields.ts";
import { parsePathTemplate } from "../../server/wire/rest/path.ts";
import { splitQuery } from "../../server/wire/rest/query.ts";
import { RouteTable } from "../../server/wire/rest/route-table.ts";
import type { RestCallCase } from "./rest-call-cases.ts";
import { attempt } from "./verdict.ts";

/** A rule of ours by which a call is refused that a peer serves. */
export interface Choice {
  readonly kind: "refused rule" | "refused call";
  readonly reason: string;
}

/** The rule that refuses the call of a case, or undefined if none does, or if the case expects the refusal. */
export function choiceFor(
  { rule: json, method: httpMethod, url, expect }: RestCallCase,
  method: DescMethod,
): Choice | undefined {
  if (expect.rule_valid === false || expect.template_valid === false || (expect.http_status ?? 200) >= 400)
    return undefined;
  if (expect.error || expect.query_parameters_allowed === false) return undefined;
  const rule = fromJson(HttpRuleSchema, json);
  if (rule.body.includes("."))
    return { kind: "refused rule", reason: "by http.proto, body names a field of the request itself" };
  if (method.methodKind === "client_streaming")
    return { kind: "refused rule", reason: "client streams are not served over REST" };
  const bound = variablesAt([rule, ...rule.additionalBindings], httpMethod, url);
  for (const [key] of splitQuery(url.split("?")[1] ?? "")) {
    const path = protoPath(method, key);
    if (path === undefined) return refusal("an unknown key of a query is an error, not ignored");
    if (bound.includes(path))
      return refusal("a query that contradicts the path is an error; it overrides nothing and is not ignored");
    if (path.split(".")[0] === rule.body)
      return refusal("fields of the body come in the body only, as http.proto has it");
  }
  return undefined;
}

function refusal(reason: string): Choice {
  return { kind: "refused call", reason };
}

type Pattern = ReturnType<typeof fromJson<typeof HttpRuleSchema>>["pattern"];

/** The fields that the path of a call gives. */
function variablesAt(rules: readonly { pattern: Pattern }[], httpMethod: string, url: string): string[] {
  const table = new RouteTable<string[]>();
  for (const { pattern } of rules) {
    if (pattern.case === undefined || pattern.case === "custom") continue;
    const template = attempt(() => parsePathTemplate(pattern.value));
    if (template instanceof Error) continue;
    table.add(
      pattern.case.toUpperCase(),
      template,
      template.variables.map(({ fieldPath }) => fieldPath),
    );
  }
  const found = table.find(httpMethod, url.split("?")[0] ?? "");
  return "target" in found ? [...found.target] : [];
}

function protoPath({ input }: DescMethod, key: string): string | undefined {
  const names: string[] = [];
  let desc: DescMethod["input"] | undefined = input;
  for (const name of key.replace(/\[.*$/s, "").split(".")) {
    const field: ReturnType<ReturnType<typeof fieldsOf>["get"]> = desc && fieldsOf(desc).get(name);
    if (field === undefined) return undefined;
    names.push(field.name);
    desc = field.message;
  }
  return names.join(".");
}
