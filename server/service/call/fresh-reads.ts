import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { ChatService } from "../../../gen/patchbay/v1/chat_service_pb.ts";

type Rpc = (request: unknown, context: HandlerContext) => unknown;

/**
 * A router after whose rpcs nothing is held in memory of what they may have changed: who changes something is shown it by
 * the next call, whichever rule of whichever rpc wrote it. Rpcs that the contract says have no side effects forget nothing,
 * nor do chats: of an Llm they change what it has cost, and the ledger tells that of this one Llm.
 */
export function withFreshReads(router: ConnectRouter, forget: () => void): ConnectRouter {
  const fresh: ConnectRouter = {
    handlers: router.handlers,
    service(service, implementation, options) {
      const isChat = service.typeName === ChatService.typeName;
      router.service(service, isChat ? implementation : forgettingAfter(service, implementation, forget), options);
      return fresh;
    },
    rpc(method, implementation, options) {
      router.rpc(method, implementation, options);
      return fresh;
    },
  };
  return fresh;
}

function forgettingAfter<Service extends DescService>(
  service: Service,
  implementation: Partial<ServiceImpl<Service>>,
  forget: () => void,
): Partial<ServiceImpl<Service>> {
  const rpcs = implementation as Record<string, Rpc>;
  const wrapped = service.methods.filter(mayChange).flatMap(({ localName }) => {
    const rpc = rpcs[localName];
    if (!rpc) return [];
    const whole: Rpc = async (request, context) => {
      try {
        return await rpc(request, context);
      } finally {
        forget();
      }
    };
    return [[localName, whole]];
  });
  return { ...implementation, ...Object.fromEntries(wrapped) };
}

function mayChange({ methodKind, idempotency }: DescMethod): boolean {
  return methodKind === "unary" && idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}
