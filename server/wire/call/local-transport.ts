import { create, type DescMessage, type DescMethod, type Message } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createMethodImplSpec,
  createServiceImplSpec,
  type HandlerContext,
  type MethodImplSpec,
  type Transport,
} from "@connectrpc/connect";
import {
  createAsyncIterable,
  invokeUnaryImplementation,
  transformInvokeImplementation,
} from "@connectrpc/connect/protocol";

/** What stands before every rpc, also before one that is called from within. */
export interface Guards {
  /** Whether the caller may make the call. */
  readonly admit: (context: HandlerContext) => Promise<void>;
  /** Throws unless the message may be handed on. */
  readonly check: (type: DescMessage, message: Message) => void;
}

/**
 * Calls our own rpcs from within a call, for the same caller: past no rule, and past the network. Messages are handed on as
 * they are, and so are errors. The call within has no line in the log and no count of its own.
 */
export function createLocalTransport(specs: ReadonlyMap<DescMethod, MethodImplSpec>, guards: Guards) {
  return (context: HandlerContext): Transport => {
    const begin = async (method: DescMethod, message: Message) => {
      const spec = specs.get(method);
      if (!spec) throw new ConnectError(`${method.toString()} is not served here`, Code.Unimplemented);
      const inner = contextWithin(context, method);
      await guards.admit(inner);
      guards.check(method.input, message);
      return { spec, inner };
    };
    const common = (method: DescMethod) => ({ service: method.parent, header: new Headers(), trailer: new Headers() });
    return {
      async unary(method, _signal, _timeoutMs, _header, input) {
        const message = create(method.input, input);
        const { spec, inner } = await begin(method, message);
        const output = await invokeUnaryImplementation(spec as never, inner, message, []);
        return { ...common(method), stream: false, method, message: output as never };
      },
      async stream(method, _signal, _timeoutMs, _header, input) {
        for await (const init of input) {
          const message = create(method.input, init);
          const { spec, inner } = await begin(method, message);
          const output = transformInvokeImplementation(spec, inner, [])(createAsyncIterable([message]));
          return { ...common(method), stream: true, method, message: output as never };
        }
        throw new ConnectError("a call from within needs a message", Code.InvalidArgument);
      },
    };
  };
}

/** A context is not copied by its members: some are made for who asks. */
function contextWithin(context: HandlerContext, method: DescMethod): HandlerContext {
  const { protocolName, requestMethod, url, signal, requestHeader, responseHeader, responseTrailer } = context;
  const { values, timeoutMs } = context;
  const answer = { responseHeader, responseTrailer, values, timeoutMs };
  return { service: method.parent, method, protocolName, requestMethod, url, signal, requestHeader, ...answer };
}

/** Keeps the specs of what is registered, so that the same implementations serve REST and what is served directly. */
export function captureMethods(routes: (router: ConnectRouter) => void): MethodImplSpec[] {
  const methods: MethodImplSpec[] = [];
  const router: ConnectRouter = {
    handlers: [],
    service(service, implementation) {
      methods.push(...Object.values(createServiceImplSpec(service, implementation).methods));
      return router;
    },
    rpc(method, implementation) {
      methods.push(createMethodImplSpec(method, implementation));
      return router;
    },
  };
  routes(router);
  return methods;
}
