import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { hasOwnForm, valueTypeOf } from "../../server/wire/call/fields.ts";
import type { Binding } from "../../server/wire/rest/binding.ts";
import { isParameter } from "../../server/wire/rest/parameter.ts";
import type { Parameter, Schema } from "./schema/open-api.ts";
import type { Schemas } from "./schema/schemas.ts";

/** The query parameters of a binding: each field that neither its path nor its body gives, those of messages with dots. */
export function readQueryParameters(binding: Binding, schemas: Schemas): Parameter[] {
  const { body, variables, spec } = binding;
  if (body.kind === "message") return [];
  const taken = new Set(variables.map(({ path }) => path));
  if (body.kind === "field") taken.add(body.field.name);
  return parametersOf(spec.method.input, [], taken, schemas);
}

function parametersOf(
  desc: DescMessage,
  parents: readonly DescField[],
  taken: ReadonlySet<string>,
  schemas: Schemas,
): Parameter[] {
  return desc.fields.flatMap((field) => {
    const path = [...parents, field];
    if (taken.has(path.map(({ name }) => name).join("."))) return [];
    if (isParameter(valueTypeOf(field))) return [createParameter(path, field, schemas)];
    // A list of messages has no form in a query, and a message inside itself would have no end.
    if (field.fieldKind !== "message" || hasOwnForm(field.message)) return [];
    if (path.some(({ parent }) => parent === field.message)) return [];
    return parametersOf(field.message, path, taken, schemas);
  });
}

function createParameter(path: readonly DescField[], field: DescField, schemas: Schemas): Parameter {
  const { description = "", ...schema } = schemas.field(field);
  const isMap = field.fieldKind === "map";
  const said = isMap ? `${description} Each is \`key=value\`.`.trimStart() : `${description}`;
  return {
    name: path.map(({ jsonName }) => jsonName).join("."),
    in: "query",
    ...(said !== "" && { description: said }),
    ...(path.length === 1 && schemas.isRequired(field) && { required: true }),
    // Without the example, Swagger UI would make entries up and send them.
    ...(isMap && { example: [] }),
    schema: isMap ? entriesOf(schema) : schema,
  };
}

/** The entries of a map as texts: half of the generators of clients cannot send an object in a query. */
function entriesOf({ maxProperties }: Schema): Schema {
  return { type: "array", items: { type: "string" }, ...(maxProperties !== undefined && { maxItems: maxProperties }) };
}
