import { type DescMethod, type DescService, getOption, hasOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import { PermissionSchema, requirement } from "../../../gen/patchbay/v1/permission_pb.ts";
import type { Watch } from "../../base/watch.ts";
import type { Callers } from "../../domain/access/callers.ts";
import type { Limits } from "../../domain/access/limits.ts";
import { anyOf, type OwnPermission, type Permission } from "../../domain/call/permissions.ts";
import { type Caller, holderOf, missing, type Scope } from "../../domain/call/scope.ts";
import type { HolderUses } from "../../domain/limits/uses.ts";
import type { EntityManager } from "../../store/store.ts";
import { addressOf, isFirstOf, setCaller, setScope, watchOf } from "./context.ts";
import { nameOf } from "./enums.ts";
import { nothingPresented, presentedIn } from "./presented-key.ts";

/** One of these permissions is enough; undefined: it is enough to be known. */
type Requirement = readonly [Permission, ...Permission[]] | undefined;

/** Whether a call of a method is one of a model, which lists of models are not. */
function callsModel({ idempotency }: DescMethod, requirement: Requirement): boolean {
  return idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS && /^(USE|TEST)_/.test(requirement?.[0] ?? "");
}

/** Callers' clocks start before ours, and run out before. */
const DEADLINE_SLACK_MS = 250;

/** Decides, before a body is read, whether a call goes on; it throws a Fault if not. */
export type Admission = (context: HandlerContext) => Promise<void>;

/**
 * Admission by who calls and by the permission that each rpc declares in the contract. Fails at once, and so does the
 * start of the server, if an rpc of these services declares none. Other services are open to everybody.
 */
export function createAdmission(
  services: readonly DescService[],
  { callers, limits, uses, fork }: { callers: Callers; limits: Limits; uses: HolderUses; fork: () => EntityManager },
): Admission {
  const requirements = new Map<DescMethod, Requirement>(
    services.flatMap(({ methods }) =>
      methods.map((method): [DescMethod, Requirement] => [method, requirementOf(method)]),
    ),
  );
  return async (context) => {
    if (!requirements.has(context.method)) return;
    const presented = presentedIn(context);
    if (presented === undefined) throw nothingPresented(context);
    const caller = await callers.identify(presented, addressOf(context.values));
    setCaller(context, caller);
    const requirement = requirements.get(context.method);
    if (requirement && !requirement.some((permission) => caller.permissions.has(permission))) {
      throw missing(requirement[0]);
    }
    if (requirement?.[0].startsWith("TEST_")) await limits.countTest(holderOf(caller));
    if (requirement?.[0].startsWith("USE_")) await limits.countChat(holderOf(caller));
    // Whoever tests an Llm calls its model, too.
    if (caller.limits && callsModel(context.method, requirement) && isFirstOf(context)) {
      await uses.countRequest(caller.limits);
    }
    setScope(context, new CallScope(context, caller, fork));
  };
}

/**
 * What a call works with. A class, for its getter: each object literal that has one gets a shape of its own from V8, which
 * outlives the call and keeps it.
 */
class CallScope implements Scope {
  readonly caller: Caller;
  readonly watch: Watch | undefined;
  readonly #context: HandlerContext;
  readonly #fork: () => EntityManager;
  #em: EntityManager | undefined;

  constructor(context: HandlerContext, caller: Caller, fork: () => EntityManager) {
    this.caller = caller;
    this.#context = context;
    this.watch = watchOf(context);
    this.#fork = fork;
  }

  get signal(): AbortSignal {
    return this.#context.signal;
  }

  /** A caller with a deadline may leave at it, and be heard of before our own timer is. */
  get isPastDeadline(): boolean {
    return this.signal.aborted && (this.#context.timeoutMs() ?? Number.POSITIVE_INFINITY) <= DEADLINE_SLACK_MS;
  }

  /** A unit of work is made for whoever works: most calls only read. */
  get em(): EntityManager {
    this.#em ??= this.#fork();
    return this.#em;
  }
}

function requirementOf(method: DescMethod): Requirement {
  const declared = hasOption(method, requirement) ? getOption(method, requirement) : undefined;
  const own = nameOf<OwnPermission>(PermissionSchema, declared?.own ?? 0);
  const any = nameOf<Permission>(PermissionSchema, declared?.any ?? 0);
  if (declared?.anyCaller && !own && !any) return undefined;
  if (!any || declared?.anyCaller) {
    throw new Error(`${method.toString()} declares no permission: it lacks option (patchbay.v1.requirement)`);
  }
  if (!own) return [any];
  if (any !== anyOf(own)) throw new Error(`${method.toString()} declares ${own} and ${any}, which are no pair`);
  return [own, any];
}
