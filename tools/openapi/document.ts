import { type DescEnum, type DescService, type FileRegistry, hasOption } from "@bufbuild/protobuf";
import { createMethodImplSpec } from "@connectrpc/connect";
import { http } from "../../gen/google/api/annotations_pb.ts";
import { bindingsOf } from "../../server/wire/rest/binding.ts";
import { isBelow } from "../../server/wire/rest/errors.ts";
import { type ErrorFormat, ErrorResponses } from "./error-responses.ts";
import { ERROR_DETAIL_SCHEMA, ERROR_SCHEMA } from "./error-schema.ts";
import { Reasons } from "./failures.ts";
import { describeOperation, type OperationSources } from "./operation.ts";
import { readPath } from "./path.ts";
import { PathItems } from "./path-items.ts";
import { Directions } from "./schema/directions.ts";
import type { OpenApi } from "./schema/open-api.ts";
import { type CommentOf, Prose, splitSentence } from "./schema/prose.ts";
import { Requirements } from "./schema/requirements.ts";
import { Schemas } from "./schema/schemas.ts";

/** What a document is made from. */
export interface DocumentSources {
  readonly title: string;
  readonly version: string;
  /** What readers see first, in Markdown. */
  readonly introduction: string;
  /** All types of the contract; the services with a google.api.http rule are described. */
  readonly registry: FileRegistry;
  readonly commentOf: CommentOf;
  /** Its types go by their short names, all others by their full ones. */
  readonly mainPackage: string;
  /** Services of APIs that others publish: they are served, and described by those who made them. */
  readonly publishedElsewhere?: readonly string[];
  /** What people do, in the order in which they do it, and the services for it; others come behind, as a group of their own. */
  readonly groups?: readonly TagGroup[];
  readonly lastGroup?: string;
  /** The reasons of refusals. */
  readonly reasons: DescEnum;
  readonly examples: OperationSources["examples"];
  /** How errors look that do not look as everywhere. */
  readonly errorFormats?: readonly ErrorFormat[];
}

/** Services that are for one thing, by their full names. */
export interface TagGroup {
  readonly name: string;
  readonly services: readonly string[];
}

/** Describes the REST calls of a contract as an OpenAPI document. The same contract makes the same document. */
export function createDocument(sources: DocumentSources): OpenApi {
  const { registry, mainPackage } = sources;
  const services = servicesOf(sources);
  const bindings = services.flatMap(bindingsWithPosition);
  const prose = new Prose(registry.files, sources.commentOf);
  const requirements = new Requirements(registry);
  const directions = new Directions(bindings.map(({ binding }) => binding));
  const schemas = new Schemas({ mainPackage, prose, directions, requirements });
  const reasons = new Reasons(sources.reasons, prose);
  const { errorFormats = [] } = sources;
  const errors = new ErrorResponses(reasons, registry);
  const errorsByFormat = errorFormats.map((format) => ({
    ...format,
    errors: new ErrorResponses(reasons, registry, format),
  }));
  const from = { schemas, requirements, registry, prose, reasons, examples: sources.examples };
  const paths = new PathItems();
  for (const { binding, position } of bindings) {
    const { path, parameters } = readPath(binding, schemas);
    paths.add(binding.httpMethod, path, parameters, (named) => {
      const format = errorsByFormat.find(({ paths }) => paths.some((above) => isBelow(above, path)));
      return describeOperation(binding, position, named, { ...from, errors: format?.errors ?? errors });
    });
  }
  const faces = Object.fromEntries(errorFormats.map(({ name, schema }) => [name, schema]));
  return {
    openapi: "3.1.1",
    info: {
      title: sources.title,
      version: sources.version,
      description: sources.introduction,
      contact: { name: "Patchbay" },
      license: { name: "All rights reserved", identifier: "LicenseRef-All-Rights-Reserved" },
    },
    servers: [{ url: "/", description: "The server that this document comes from." }],
    tags: services.map((service) => ({ name: service.name, description: splitSentence(prose.of(service))[0] })),
    ...tagGroups(services, sources),
    security: Object.keys(SECURITY_SCHEMES).map((name) => ({ [name]: [] })),
    paths: paths.byPath,
    components: {
      securitySchemes: SECURITY_SCHEMES,
      schemas: { ErrorResponse: ERROR_SCHEMA, ErrorDetail: ERROR_DETAIL_SCHEMA, ...faces, ...schemas.components },
    },
  };
}

const SECURITY_SCHEMES = {
  bearer: { type: "http", scheme: "bearer", description: "`Authorization: Bearer <API key>`" },
  apiKey: { type: "apiKey", in: "header", name: "x-api-key", description: "`X-Api-Key: <API key>`" },
};

/** As Redoc and Scalar read them, and the page of docs: OpenAPI 3.1 has no groups of its own. */
function tagGroups(services: readonly DescService[], { groups = [], lastGroup = "Others" }: DocumentSources) {
  if (groups.length === 0) return {};
  const groupOf = ({ typeName }: DescService) =>
    groups.find((group) => group.services.includes(typeName))?.name ?? lastGroup;
  const grouped = [...Map.groupBy(services, groupOf)];
  return { "x-tagGroups": grouped.map(([name, those]) => ({ name, tags: those.map((service) => service.name) })) };
}

function servicesOf({ registry, groups = [], publishedElsewhere = [] }: DocumentSources): DescService[] {
  const order = groups.flatMap((group) => group.services);
  const services = [...registry].filter(
    (type) => type.kind === "service" && !publishedElsewhere.includes(type.typeName),
  ) as DescService[];
  const placeOf = ({ typeName }: DescService) => (order.includes(typeName) ? order.indexOf(typeName) : order.length);
  return services
    .filter(({ methods }) => methods.some((method) => hasOption(method, http)))
    .sort((a, b) => placeOf(a) - placeOf(b));
}

function bindingsWithPosition({ methods }: DescService) {
  return methods.flatMap((method) => {
    const spec = createMethodImplSpec(method, notCalled as never);
    return bindingsOf(spec).map((binding, index) => ({ binding, position: index + 1 }));
  });
}

function notCalled(): never {
  throw new Error("this rpc is described only");
}
