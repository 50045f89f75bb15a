import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** A JSON Schema, of the dialect that OpenAPI 3.1 uses. */
export type Schema = JsonObject;

/** The parts of an OpenAPI 3.1 document that we write. */
export interface OpenApi {
  readonly openapi: "3.1.1";
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly description: string;
    readonly contact: { readonly name: string };
    readonly license: { readonly name: string; readonly identifier: string };
  };
  readonly servers: readonly { readonly url: string; readonly description: string }[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly "x-tagGroups"?: readonly { readonly name: string; readonly tags: readonly string[] }[];
  readonly security: readonly SecurityRequirement[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly securitySchemes: Readonly<Record<string, JsonObject>>;
    readonly schemas: Readonly<Record<string, Schema>>;
  };
}

/** The name of a security scheme, and its scopes. */
export type SecurityRequirement = Readonly<Record<string, readonly string[]>>;

/** One way to call an rpc. */
export interface Operation {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly operationId: string;
  readonly deprecated?: true;
  readonly security?: readonly SecurityRequirement[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, Response>>;
}

/** A value in a path or a query. */
export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly description?: string;
  readonly required?: true;
  readonly example?: JsonValue;
  readonly schema: Schema;
}

/** An answer. */
export interface Response {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: Schema }>>;
  readonly content?: Content;
}

/** Bodies, by media type. */
export type Content = Readonly<Record<string, MediaType>>;

/** What a body holds. */
export interface MediaType {
  readonly schema?: Schema;
  readonly examples?: Examples;
}

/** Examples of a body, by name. */
export type Examples = Readonly<Record<string, { readonly summary?: string; readonly value: JsonValue }>>;
