import { type DescMethod, type DescService, getOption, hasOption } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { PermissionSchema, requires } from "../../gen/patchbay/v1/permission_pb.ts";
import type { ApiKeys } from "../domain/access/api-keys.ts";
import type { Limits } from "../domain/access/limits.ts";
import type { OwnPermission, Permission } from "../domain/access/permissions.ts";
import { missing } from "../domain/access/scope.ts";
import type { EntityManager } from "../store/store.ts";
import { nameOf } from "./enum-names.ts";
import { addressOf, setCaller, setScope, watchOf } from "./scope-key.ts";

interface Requirement {
  readonly own: OwnPermission;
  readonly any: Permission;
}

/** Decides, before a body is read, whether a call goes on; it throws a Fault if not. */
export type Admission = (context: HandlerContext) => Promise<void>;

/**
 * Admission by API key and by the permission that each rpc declares in the contract. Fails at once, and so does the
 * start of the server, if an rpc of these services declares none. Other services are open to everybody.
 */
export function createAdmission(
  services: readonly DescService[],
  { keys, limits, fork }: { keys: ApiKeys; limits: Limits; fork: () => EntityManager },
): Admission {
  const requirements = new Map<DescMethod, Requirement>(
    services.flatMap(({ methods }) =>
      methods.map((method): [DescMethod, Requirement] => [method, requirementOf(method)]),
    ),
  );
  return async (context) => {
    const requirement = requirements.get(context.method);
    if (!requirement) return;
    const caller = await keys.authenticate(apiKeyOf(context.requestHeader), addressOf(context.values));
    setCaller(context, caller);
    if (!caller.permissions.has(requirement.own) && !caller.permissions.has(requirement.any)) {
      throw missing(requirement.own);
    }
    if (requirement.own.startsWith("TEST_")) await limits.countTest(caller.apiKeyId);
    if (requirement.own.startsWith("USE_")) await limits.countChat(caller.apiKeyId);
    let em: EntityManager | undefined;
    setScope(context, {
      caller,
      // A unit of work is made for whoever works: most calls only read.
      get em() {
        em ??= fork();
        return em;
      },
      signal: context.signal,
      watch: watchOf(context),
    });
  };
}

function requirementOf(method: DescMethod): Requirement {
  const { own, any } = hasOption(method, requires) ? getOption(method, requires) : {};
  const names = {
    own: nameOf<OwnPermission>(PermissionSchema, own ?? 0),
    any: nameOf<Permission>(PermissionSchema, any ?? 0),
  };
  if (!names.own || !names.any) {
    throw new Error(`${method.toString()} declares no permission: it lacks option (patchbay.v1.requires)`);
  }
  return { own: names.own, any: names.any };
}

/** However it is presented, a key is checked in the same way. */
function apiKeyOf(header: Headers): string | undefined {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(header.get("authorization") ?? "") ?? [];
  return bearer ?? header.get("x-api-key") ?? header.get("x-discolike-key") ?? undefined;
}
