/** The same words as the enum `Permission` in proto/patchbay/v1/permission.proto. */
export type Permission = `${Verb}_LLM_${"OWN" | "ANY"}`;

export type Role = "ADMIN" | "OWNER" | "MEMBER" | "VIEWER";

type Verb = "CREATE" | "READ" | "UPDATE" | "DELETE" | "TEST" | "USE" | "SET_DEFAULT";

const VERBS: readonly Verb[] = ["CREATE", "READ", "UPDATE", "DELETE", "TEST", "USE", "SET_DEFAULT"];

const own = (verbs: readonly Verb[]): Permission[] => verbs.map((verb): Permission => `${verb}_LLM_OWN`);
const any = (verbs: readonly Verb[]): Permission[] => verbs.map((verb): Permission => `${verb}_LLM_ANY`);

/** What each role may do. */
export const ROLES: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  ADMIN: new Set([...own(VERBS), ...any(VERBS)]),
  OWNER: new Set(own(VERBS)),
  MEMBER: new Set(own(VERBS.filter((verb) => verb !== "DELETE" && verb !== "SET_DEFAULT"))),
  VIEWER: new Set(own(["READ"])),
};
