import { useQuery } from "@connectrpc/connect-query";
import { AccessService, type Caller } from "../../../gen/patchbay/v1/access_service_pb.ts";
import { Permission } from "../../../gen/patchbay/v1/permission_pb.ts";

/** The names of permissions without whose things they are for, such as `CREATE_LLM`. */
export type Deed = keyof typeof Permission extends infer Name
  ? Name extends `${infer Verb}_OWN`
    ? Verb
    : never
  : never;

export interface May {
  readonly caller: Caller | undefined;
  /** To one's own things, or to anybody's. */
  readonly may: (deed: Deed) => boolean;
  readonly mayForAny: (deed: Deed | "CREATE_ACCOUNT" | "UPDATE_ACCOUNT" | "DELETE_ACCOUNT") => boolean;
}

const LOOKED_AT_MS = 5_000;

/** Who is signed in, with how much of their limits is used: asked again while somebody looks at it. */
export const useLimitsOfCaller = () =>
  useQuery(
    AccessService.method.getCaller,
    {},
    { staleTime: 0, refetchInterval: LOOKED_AT_MS, select: ({ caller }) => caller },
  );

/** Who is signed in, and what to show them; the server decides all the same. */
export function useCaller(): May {
  const { data } = useQuery(AccessService.method.getCaller, {}, { staleTime: 60_000 });
  const caller = data?.caller;
  const has = (name: string) =>
    caller?.permissions.includes(Permission[name as keyof typeof Permission] as Permission) ?? false;
  return {
    caller,
    may: (deed) => has(`${deed}_OWN`) || has(`${deed}_ANY`),
    mayForAny: (deed) => has(`${deed}_ANY`),
  };
}
