import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fault } from "../../base/fault.ts";
import { type Permission, ROLES, type Role } from "../call/permissions.ts";
import type { Caller } from "../call/scope.ts";
import { type Grant, permissionsOf, requireWithin, scopesFor } from "./grant.ts";

const ACCOUNTS = ["mine", "theirs", "nobody's"];
const NOW = 1_000;

const role = fc.constantFrom<Role>("ADMIN", "OWNER", "MEMBER", "VIEWER");
const account = fc.constantFrom(...ACCOUNTS);
const endsAt = fc.constantFrom(NOW + 1, NOW + 2, Number.POSITIVE_INFINITY);
const grants = fc
  .record({ accountId: account, role, endsAt, isScoped: fc.boolean() })
  .chain(({ isScoped, ...rest }) =>
    (isScoped ? fc.subarray([...ROLES[rest.role]]) : fc.constant([])).map((scopes): Grant => ({ ...rest, scopes })),
  );

function callerWith(grant: Grant): Caller {
  const { accountId, scopes } = grant;
  const ends = grant.endsAt === Number.POSITIVE_INFINITY ? {} : { endsAt: grant.endsAt };
  const permissions = permissionsOf(grant);
  return { accountId, apiKeyId: "", role: grant.role, permissions, isScoped: scopes.length > 0, ...ends };
}

/** Makes a key as IssuedKeys does: what the holder of it can do, or undefined if it is refused. */
function mint(maker: Caller, asked: Grant): Caller | undefined {
  const grant = { ...asked, scopes: scopesFor(maker, asked.role, asked.scopes) };
  try {
    requireWithin(maker, grant);
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
  return callerWith(grant);
}

/** All that a caller can do, as `<verb> <noun> of <account>`, by what admission and `reach` make of permissions. */
function powerOf({ accountId, permissions }: Caller): Set<string> {
  const power = [...permissions].flatMap((permission) => {
    const [, deed = "", whose] = /^(.*)_(OWN|ANY)$/.exec(permission) ?? [];
    return (whose === "ANY" ? ACCOUNTS : [accountId]).map((owner) => `${deed} of ${owner}`);
  });
  return new Set(power);
}

describe("C2 a key that is made by a key", () => {
  it("can do nothing that its maker cannot, nor for longer, however many are in between", () => {
    let made = 0;
    let refused = 0;
    const chains = fc.tuple(grants, fc.array(grants, { minLength: 1, maxLength: 4 }));
    fc.assert(
      fc.property(chains, ([first, asked]) => {
        const root = callerWith(first);
        let maker = root;
        for (const grant of asked) {
          const child = mint(maker, grant);
          if (!child) {
            refused++;
            continue;
          }
          made++;
          expect(powerOf(child).difference(powerOf(root))).toEqual(new Set());
          expect(child.endsAt ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(root.endsAt ?? Number.POSITIVE_INFINITY);
          // What a role is given later reaches only those to whom all of a role was given.
          if (root.isScoped) expect(child.isScoped).toBe(true);
          maker = child;
        }
      }),
      { numRuns: 10_000 },
    );
    // Both happened, many times: a rule that always refuses would have passed as well.
    expect(Math.min(made, refused)).toBeGreaterThan(1_000);
  });

  it("can be given all that its maker has", () => {
    fc.assert(
      fc.property(grants, (grant) => {
        const maker = callerWith(grant);
        expect(powerOf(mint(maker, grant) as Caller)).toEqual(powerOf(maker));
      }),
    );
  });

  it.each<{ name: string; maker: Grant; asked: Grant; permission: Permission }>([
    {
      name: "a role above",
      maker: { accountId: "mine", role: "MEMBER", scopes: [], endsAt: Number.POSITIVE_INFINITY },
      asked: { accountId: "mine", role: "OWNER", scopes: [], endsAt: Number.POSITIVE_INFINITY },
      permission: "DELETE_LLM_OWN",
    },
    {
      name: "the same name of a role, from a maker who has scopes",
      maker: { accountId: "mine", role: "ADMIN", scopes: ["CREATE_API_KEY_OWN"], endsAt: Number.POSITIVE_INFINITY },
      asked: { accountId: "mine", role: "ADMIN", scopes: [], endsAt: Number.POSITIVE_INFINITY },
      permission: "CREATE_LLM_OWN",
    },
    {
      name: "what is allowed to one's own account, in another one",
      maker: {
        accountId: "mine",
        role: "ADMIN",
        scopes: ["CREATE_API_KEY_ANY", "READ_LLM_OWN"],
        endsAt: Number.POSITIVE_INFINITY,
      },
      asked: { accountId: "theirs", role: "VIEWER", scopes: ["READ_LLM_OWN"], endsAt: Number.POSITIVE_INFINITY },
      permission: "READ_LLM_OWN",
    },
  ])("is not given $name", ({ maker, asked, permission }) => {
    const caller = callerWith(maker);
    const grant = { ...asked, scopes: scopesFor(caller, asked.role, asked.scopes) };
    expect(() => requireWithin(caller, grant)).toThrow(
      expect.objectContaining({ reason: "API_KEY_EXCEEDS_CALLER", facts: { metadata: { permission } } }),
    );
  });
});
