/** What can be done to each noun. */
const VERBS = {
  LLM: ["CREATE", "READ", "UPDATE", "DELETE", "TEST", "USE", "SET_DEFAULT"],
  AUDIT_EVENT: ["READ"],
} as const;

type Noun = keyof typeof VERBS;

type PermissionFor<Whose extends "OWN" | "ANY"> = {
  [N in Noun]: `${(typeof VERBS)[N][number]}_${N}_${Whose}`;
}[Noun];

/** A permission for what the caller owns. */
export type OwnPermission = PermissionFor<"OWN">;
/** The same words as the enum `Permission` in proto/patchbay/v1/permission.proto. */
export type Permission = OwnPermission | PermissionFor<"ANY">;

export type Role = "ADMIN" | "OWNER" | "MEMBER" | "VIEWER";

/** What each role may do. */
export const ROLES: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  ADMIN: new Set([...permissions("OWN"), ...permissions("ANY")]),
  OWNER: new Set(permissions("OWN")),
  MEMBER: new Set(permissions("OWN", (verb) => verb !== "DELETE" && verb !== "SET_DEFAULT")),
  VIEWER: new Set(permissions("OWN", (verb) => verb === "READ")),
};

/** The permission for everybody's things that goes with one for one's own. */
export function anyOf(own: OwnPermission): Permission {
  return own.replace(/_OWN$/, "_ANY") as Permission;
}

function permissions(whose: "OWN" | "ANY", includes: (verb: string) => boolean = () => true): Permission[] {
  return Object.entries(VERBS).flatMap(([noun, verbs]) =>
    verbs.filter(includes).map((verb) => `${verb}_${noun}_${whose}` as Permission),
  );
}
