/** What can be done to each noun, to what is one's own and to what is anybody's. */
const VERBS = {
  LLM: ["CREATE", "READ", "UPDATE", "DELETE", "TEST", "USE", "SET_DEFAULT", "ROTATE"],
  AUDIT_EVENT: ["READ"],
  ACCOUNT: ["READ"],
  API_KEY: ["CREATE", "READ", "UPDATE", "ROLL", "DELETE"],
  PROVIDER: ["CREATE", "READ", "UPDATE", "DELETE", "TEST"],
  SESSION: ["READ", "DELETE"],
  USAGE: ["READ"],
  BUDGET: ["READ", "MANAGE"],
  ROUTE: ["CREATE", "READ", "UPDATE", "DELETE"],
} as const;

/** What can be done to anybody's only: to do it to one's own asks for the same. */
const VERBS_FOR_ANY = {
  ACCOUNT: ["CREATE", "UPDATE", "DELETE"],
} as const;

/** Who did what, and who holds keys, is for those who answer for an account, and not for whoever may look at it. */
const HIDDEN_FROM_VIEWERS: readonly string[] = ["AUDIT_EVENT", "API_KEY"];

type PermissionFor<Verbs extends Record<string, readonly string[]>, Whose extends "OWN" | "ANY"> = {
  [N in keyof Verbs & string]: `${Verbs[N][number]}_${N}_${Whose}`;
}[keyof Verbs & string];

/** A permission for what the caller owns. */
export type OwnPermission = PermissionFor<typeof VERBS, "OWN">;
/** The same words as the enum `Permission` in proto/patchbay/v1/permission.proto. */
export type Permission =
  | OwnPermission
  | PermissionFor<typeof VERBS, "ANY">
  | PermissionFor<typeof VERBS_FOR_ANY, "ANY">;

export type Role = "ADMIN" | "OWNER" | "MEMBER" | "VIEWER";

/** What each role may do. */
export const ROLES: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  ADMIN: new Set([...permissions(VERBS, "OWN"), ...permissions(VERBS, "ANY"), ...permissions(VERBS_FOR_ANY, "ANY")]),
  OWNER: new Set(permissions(VERBS, "OWN")),
  MEMBER: new Set(permissions(VERBS, "OWN", (verb) => !["DELETE", "SET_DEFAULT", "MANAGE"].includes(verb))),
  VIEWER: new Set(permissions(VERBS, "OWN", (verb, noun) => verb === "READ" && !HIDDEN_FROM_VIEWERS.includes(noun))),
};

/** The permission for everybody's things that goes with one for one's own. */
export function anyOf(own: OwnPermission): Permission {
  return own.replace(/_OWN$/, "_ANY") as Permission;
}

/** Whether a permission is for what its holder owns only. */
export function isOwn(permission: Permission): permission is OwnPermission {
  return permission.endsWith("_OWN");
}

function permissions(
  verbsOf: Record<string, readonly string[]>,
  whose: "OWN" | "ANY",
  includes: (verb: string, noun: string) => boolean = () => true,
): Permission[] {
  return Object.entries(verbsOf).flatMap(([noun, verbs]) =>
    verbs.filter((verb) => includes(verb, noun)).map((verb) => `${verb}_${noun}_${whose}` as Permission),
  );
}
