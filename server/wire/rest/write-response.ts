import { type JsonObject, type Message, type Registry, toJson } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { HttpBody } from "../../../gen/google/api/httpbody_pb.ts";
import type { Binding } from "./binding.ts";

/** Presents response messages as the bodies of answers. */
export class ResponseWriter {
  readonly #options: { readonly alwaysEmitImplicit: true; readonly registry: Registry };

  constructor(registry: Registry) {
    this.#options = { alwaysEmitImplicit: true, registry };
  }

  /** Proto JSON with all fields, also those that hold their default; null for a response field that is not set. */
  json({ spec, responseField }: Binding, message: Message): string {
    const json = toJson(spec.method.output, message, this.#options);
    return JSON.stringify(responseField === undefined ? json : ((json as JsonObject)[responseField.jsonName] ?? null));
  }

  /** The google.api.HttpBody of the response of a binding that answers one. */
  httpBody({ spec, responseField }: Binding, message: Message): HttpBody {
    if (responseField?.fieldKind !== "message") return message as HttpBody;
    return reflect(spec.method.output, message).get(responseField).message as HttpBody;
  }
}
