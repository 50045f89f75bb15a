import { expect, it } from "vitest";
import { PermissionSchema } from "../../../gen/patchbay/v1/permission_pb.ts";
import { ROLES } from "./permissions.ts";

it("are those of the contract, and an ADMIN has all of them", () => {
  const inContract = PermissionSchema.values.filter(({ number }) => number !== 0).map(({ name }) => name);
  expect([...ROLES.ADMIN].sort()).toEqual(inContract.sort());
});
