import type { Binding, VariableField } from "../../server/wire/rest/binding.ts";
import type { PathTemplate, PathVariable } from "../../server/wire/rest/path.ts";
import type { Parameter } from "./schema/open-api.ts";
import type { Schemas } from "./schema/schemas.ts";

/** A path of OpenAPI, and its parameters in their order. */
export interface Path {
  readonly path: string;
  readonly parameters: readonly Parameter[];
}

/**
 * The path of a binding. A variable of one segment is a parameter. OpenAPI has none of several segments, so such a
 * variable becomes its literals and a parameter for each of its wildcards: `name`, `name_1` and so on.
 */
export function readPath({ template, variables }: Binding, schemas: Schemas): Path {
  const segments = [...template.segments];
  const parameters: Parameter[] = [];
  for (const [index, segment] of template.segments.entries()) {
    if (segment !== "*" && segment !== "**") continue;
    const owner = template.variables.findIndex((variable) => covers(variable, index));
    const variable = template.variables[owner];
    const field = variables[owner];
    const parameter =
      variable && field
        ? variableParameter(template, variable, field, index, schemas)
        : anyParameter(segment, parameters.length);
    segments[index] = `{${parameter.name}}`;
    parameters.push(parameter);
  }
  return { path: `/${segments.join("/")}${template.verb && `:${template.verb}`}`, parameters };
}

function variableParameter(
  template: PathTemplate,
  variable: PathVariable,
  { fields, field }: VariableField,
  index: number,
  schemas: Schemas,
): Parameter {
  const { description, ...schema } = schemas.field(field);
  const pattern = template.segments.slice(variable.start, variable.end === -1 ? undefined : variable.end);
  const name = fields.map(({ jsonName }) => jsonName).join(".");
  const before = pattern.slice(0, index - variable.start).filter((segment) => segment.startsWith("*")).length;
  const remarks = [
    // What the path must give has no default.
    typeof description === "string" && description.replace(/\s*Default: [^.]*\./, ""),
    pattern.length > 1 && `Its whole value is \`${pattern.join("/")}\`; this is wildcard ${before + 1} of it.`,
    template.segments[index] === "**" && SEVERAL_SEGMENTS,
  ].filter((remark) => typeof remark === "string" && remark !== "");
  return {
    name: before === 0 ? name : `${name}_${before}`,
    in: "path",
    ...(remarks.length > 0 && { description: remarks.join(" ") }),
    required: true,
    schema: pattern.length > 1 ? { type: "string" } : schema,
    ...(field.name === "llm_id" && field.parent.typeName.startsWith("patchbay.v1.") && { example: DEMO_ALIAS }),
  };
}

/** The alias of the Llm in the first example of how to register one: so the next calls work as they are shown. */
const DEMO_ALIAS = "demo";

const SEVERAL_SEGMENTS = "It may hold several segments, with the slashes between them as they are.";

/** For a wildcard outside of every variable: it may be anything, and nobody reads it. */
function anyParameter(segment: string, position: number): Parameter {
  const description = segment === "**" ? `Anything. ${SEVERAL_SEGMENTS}` : "Anything.";
  return { name: `any_${position + 1}`, in: "path", description, required: true, schema: { type: "string" } };
}

function covers({ start, end }: PathVariable, index: number): boolean {
  return start <= index && (end === -1 || index < end);
}
