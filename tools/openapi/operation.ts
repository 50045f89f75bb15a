import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { PermissionSchema, requirement } from "../../gen/patchbay/v1/permission_pb.ts";
import type { Binding } from "../../server/wire/rest/binding.ts";
import { type BodySources, readAnswer, readRequestBody } from "./bodies.ts";
import type { ErrorResponses } from "./error-responses.ts";
import type { RpcExamples } from "./examples/rpc-examples.ts";
import { type Reasons, readRpcProse } from "./failures.ts";
import { readQueryParameters } from "./query-parameters.ts";
import { responseHeadersOf } from "./response-headers.ts";
import type { Operation, Parameter } from "./schema/open-api.ts";
import { type Prose, splitSentence } from "./schema/prose.ts";

/** What operations are described from. */
export interface OperationSources extends BodySources {
  readonly prose: Prose;
  readonly reasons: Reasons;
  readonly errors: ErrorResponses;
  /** By `Service.Rpc`. */
  readonly examples: Readonly<Record<string, RpcExamples>>;
}

const NO_EXAMPLES: RpcExamples = { requests: {}, responses: {} };

/** Describes a call by one binding of an rpc; the position is that of the binding, from 1. */
export function describeOperation(
  binding: Binding,
  position: number,
  inPath: readonly Parameter[],
  sources: OperationSources,
): Operation {
  const { method } = binding.spec;
  const { parent: service, name } = method;
  const { paragraphs, failures } = readRpcProse(method, sources.prose, sources.reasons);
  const [summary, rest] = splitSentence(paragraphs[0] ?? name);
  const description = [rest, ...paragraphs.slice(1), describePermission(method)].filter((text) => text !== "");
  const parameters = [...inPath, ...readQueryParameters(binding, sources.schemas)];
  const examples = sources.examples[`${service.name}.${name}`] ?? NO_EXAMPLES;
  const requestBody = readRequestBody(binding, examples, sources);
  const headers = responseHeadersOf(method);
  const answer = { ...readAnswer(binding, examples, sources), ...(headers && { headers }) };
  return {
    tags: [service.name],
    // A summary is plain text.
    summary: summary.replaceAll("`", "").replace(/\.$/, ""),
    // What is the same as the summary is better than nothing to those who list operations by it.
    description: description.length > 0 ? description.join("\n\n") : summary,
    operationId: `${service.name}_${name}${position === 1 ? "" : `_${position}`}`,
    ...(method.deprecated && { deprecated: true }),
    ...(!hasOption(method, requirement) && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(requestBody && { requestBody }),
    responses: { 200: answer, ...sources.errors.of(method, failures) },
  };
}

function describePermission(method: DescMethod): string {
  if (!hasOption(method, requirement)) return "";
  const { own, any } = getOption(method, requirement);
  if (!any) return "";
  if (!own) return `Requires the permission \`${PermissionSchema.value[any]?.name}\`.`;
  const [ownName, anyName] = [own, any].map((permission) => `\`${PermissionSchema.value[permission]?.name}\``);
  return `Requires the permission ${ownName}, or ${anyName} for what belongs to others.`;
}
