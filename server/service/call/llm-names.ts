import { type DescField, type DescMethod, type DescService, getOption, type Message } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { names_llm, names_route } from "../../../gen/patchbay/v1/options_pb.ts";
import type { Scope } from "../../domain/call/scope.ts";
import type { LlmNames } from "../../domain/names/llm-names.ts";
import { scopeOf } from "./context.ts";
import { openedLater } from "./streams.ts";

const OPTIONS = { llm: names_llm, route: names_route } as const;
const KINDS = ["llm", "route"] as const;

/** A field that names something, and what it may name. */
interface NamingField {
  readonly field: DescField;
  readonly kinds: readonly (typeof KINDS)[number][];
}

type Rpc = (request: Message, context: HandlerContext) => unknown;

/**
 * A router whose rpcs get ids where their callers gave aliases, in every field that the contract says names an Llm or a route: none of
 * them has to know that there are any.
 */
export function withLlmNames(router: ConnectRouter, names: LlmNames): ConnectRouter {
  const naming: ConnectRouter = {
    handlers: router.handlers,
    service(service, implementation, options) {
      router.service(service, withNames(service, implementation, names), options);
      return naming;
    },
    rpc(method, implementation, options) {
      router.rpc(method, implementation, options);
      return naming;
    },
  };
  return naming;
}

function withNames<Service extends DescService>(
  service: Service,
  implementation: Partial<ServiceImpl<Service>>,
  names: LlmNames,
): Partial<ServiceImpl<Service>> {
  const rpcs = implementation as Record<string, Rpc>;
  const wrapped = service.methods.flatMap((method) => {
    const fields = method.input.fields
      .map((field) => ({ field, kinds: KINDS.filter((kind) => getOption(field, OPTIONS[kind])) }))
      .filter(({ kinds }) => kinds.length > 0);
    const rpc = rpcs[method.localName];
    return fields.length > 0 && rpc ? [[method.localName, naming(method, rpc, fields, names)]] : [];
  });
  return { ...implementation, ...Object.fromEntries(wrapped) };
}

function naming({ methodKind }: DescMethod, rpc: Rpc, fields: readonly NamingField[], names: LlmNames): Rpc {
  const resolve = async (request: Message, context: HandlerContext) => {
    for (const field of fields) await resolveField(request, field, scopeOf(context), names);
  };
  if (methodKind === "unary") {
    return async (request, context) => {
      await resolve(request, context);
      return rpc(request, context);
    };
  }
  return (request, context) =>
    openedLater(async () => {
      await resolve(request, context);
      return rpc(request, context) as AsyncIterable<unknown>;
    });
}

async function resolveField(message: Message, { field, kinds }: NamingField, scope: Scope, names: LlmNames) {
  const { localName, fieldKind } = field;
  const fields = message as unknown as Record<string, unknown>;
  const idOf = (name: string) => names.idFor(scope.caller, name, kinds);
  if (fieldKind === "list") {
    fields[localName] = await Promise.all((fields[localName] as readonly string[]).map(idOf));
  } else {
    const id = fields[localName] as string | undefined;
    if (id) fields[localName] = await idOf(id);
  }
}
