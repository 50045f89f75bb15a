import {
  clone,
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  getOption,
  type JsonValue,
  type Message,
  type MessageInitShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { transactional } from "../../../gen/patchbay/v1/mutation_pb.ts";
import { is_secret } from "../../../gen/patchbay/v1/options_pb.ts";
import { answerOnce, canonicalJson, rehearse } from "../../domain/call/answer-once.ts";
import type { Scope } from "../../domain/call/scope.ts";
import { isDeadlock } from "../../store/sql/database-errors.ts";
import type { Vault } from "../../store/vault/vault.ts";
import { scopeOf, setScope } from "./context.ts";

/** What the request of a transactional rpc may say of how it is carried out. */
interface MutationOptions {
  readonly requestId?: string;
  readonly validateOnly?: boolean;
}

/** How often a mutation is done at most until it is not given up for another one. */
const MOST_TIMES = 4;

type Rpc = (request: Message & MutationOptions, context: HandlerContext) => Promise<MessageInitShape<DescMessage>>;

/**
 * A router that gives each rpc that is declared `transactional` its request_id and its validate_only. It throws, and the
 * server does not start, if such an rpc takes neither. An answer to validate_only has no secret in it: none was made.
 */
export function withMutations(router: ConnectRouter, { vault }: { vault: Vault }): ConnectRouter {
  const wrapping: ConnectRouter = {
    handlers: router.handlers,
    service(service, implementation, options) {
      router.service(service, wrapMutations(service, implementation, vault), options);
      return wrapping;
    },
    rpc(method, implementation, options) {
      router.rpc(method, implementation, options);
      return wrapping;
    },
  };
  return wrapping;
}

function wrapMutations<Service extends DescService>(
  service: Service,
  implementation: Partial<ServiceImpl<Service>>,
  vault: Vault,
): Partial<ServiceImpl<Service>> {
  const rpcs = implementation as Record<string, Rpc>;
  const wrapped = service.methods.filter(isMutation).map((method) => {
    const rpc = rpcs[method.localName];
    return [method.localName, rpc && wrapMutation(method, rpc, vault)];
  });
  return { ...implementation, ...Object.fromEntries(wrapped) };
}

function wrapMutation(method: DescMethod, rpc: Rpc, vault: Vault): Rpc {
  return async (request, context) => {
    const scope = scopeOf(context);
    const carryOut = async (inside: typeof scope) => {
      setScope(context, inside);
      return create(method.output, await rpc(request, context));
    };
    if (request.validateOnly) {
      return withoutSecrets(method.output, await unlocked(scope, () => rehearse(scope, carryOut)));
    }
    if (!request.requestId) return unlocked(scope, () => rpc(request, context));

    const content = contentOf(method.input, request);
    const repeatable = { rpc: `${method.parent.typeName}/${method.name}`, requestId: request.requestId, content };
    let first: Message | undefined;
    const keep = async (inside: typeof scope) => {
      first = await carryOut(inside);
      return toBinary(method.output, withoutSecrets(method.output, first));
    };
    const kept = await unlocked(scope, () => answerOnce(scope, vault, repeatable, keep));
    return kept ? fromBinary(method.output, kept) : (first as Message);
  };
}

/** Of two mutations that wait for each other, one is done again once the other one is through. */
async function unlocked<Answer>({ em }: Scope, carryOut: () => Promise<Answer>): Promise<Answer> {
  for (let time = 1; ; time++) {
    try {
      return await carryOut();
    } catch (error) {
      if (!isDeadlock(error) || time === MOST_TIMES) throw error;
      em.clear();
    }
  }
}

/** A copy without the fields that the contract marks with `is_secret`, however deep. */
export function withoutSecrets(desc: DescMessage, message: Message): Message {
  const copy = clone(desc, message);
  redact(reflect(desc, copy));
  return copy;
}

function redact(message: ReflectMessage): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (getOption(field, is_secret)) message.clear(field);
    else if (field.fieldKind === "message") redact(message.get(field));
    else if (field.fieldKind === "list" && field.listKind === "message") {
      for (const item of message.get(field)) redact(item as ReflectMessage);
    } else if (field.fieldKind === "map" && field.mapKind === "message") {
      for (const item of message.get(field).values()) redact(item as ReflectMessage);
    }
  }
}

/** All that a request says but its id. */
function contentOf(desc: DescMessage, message: Message): string {
  const { requestId: _, ...said } = toJson(desc, message) as Record<string, JsonValue>;
  return canonicalJson(said);
}

function isMutation(method: DescMethod): boolean {
  if (!getOption(method, transactional)) return false;
  const takes = ["requestId", "validateOnly"].some((name) => method.input.field[name]);
  if (takes && method.methodKind === "unary") return true;
  throw new Error(`${method.toString()} is transactional: it must be unary, with a request_id or a validate_only`);
}
