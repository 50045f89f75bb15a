import { create, createFileRegistry, type DescService, type MessageInitShape, setExtension } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_empty,
  type MethodOptions,
  MethodOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  file_patchbay_v1_permission,
  Permission,
  RequirementSchema,
  requirement,
} from "../../../gen/patchbay/v1/permission_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { createAdmission } from "./admission.ts";

/** A service with an rpc that requires what is given; undefined: that declares nothing. */
function serviceWith(required: MessageInitShape<typeof RequirementSchema> | undefined): DescService {
  const options: MethodOptions = create(MethodOptionsSchema);
  if (required) setExtension(options, requirement, create(RequirementSchema, required));
  const type = ".google.protobuf.Empty";
  const file = create(FileDescriptorProtoSchema, {
    name: "test.proto",
    package: "test",
    dependency: ["google/protobuf/empty.proto", "patchbay/v1/permission.proto"],
    service: [{ name: "Test", method: [{ name: "Do", inputType: type, outputType: type, options }] }],
  });
  const known = [file_google_protobuf_empty, file_patchbay_v1_permission];
  const registry = createFileRegistry(file, (name) => known.find(({ proto }) => proto.name === name));
  return registry.getService("test.Test") as DescService;
}

describe("a server", () => {
  const admissionTo = (required: MessageInitShape<typeof RequirementSchema> | undefined) => () =>
    createAdmission([serviceWith(required)], {} as never);

  it.each([
    { name: "nothing", required: undefined },
    { name: "no permission", required: {} },
    { name: "a permission for one's own only", required: { own: Permission.READ_LLM_OWN } },
    {
      name: "a permission for what is anybody's, and none",
      required: { any: Permission.READ_LLM_ANY, anyCaller: true },
    },
  ])("does not start with an rpc that declares $name", ({ required }) => {
    expect(admissionTo(required)).toThrow("test.Test.Do declares no permission");
  });

  it("does not start with an rpc that declares permissions which are no pair", () => {
    const required = { own: Permission.READ_LLM_OWN, any: Permission.UPDATE_LLM_ANY };
    expect(admissionTo(required)).toThrow("READ_LLM_OWN and UPDATE_LLM_ANY, which are no pair");
  });

  it.each([
    { name: "a pair", required: { own: Permission.READ_LLM_OWN, any: Permission.READ_LLM_ANY } },
    { name: "a permission for what is anybody's", required: { any: Permission.CREATE_ACCOUNT_ANY } },
    { name: "that every caller may", required: { anyCaller: true } },
  ])("starts with an rpc that declares $name", ({ required }) => {
    expect(admissionTo(required)).not.toThrow();
  });
});

describe("a key", () => {
  let server: TestServer;
  let own: string;
  let other: string;
  beforeAll(async () => {
    server = await startServer();
    own = (await server.addAccount("OWNER")).apiKey;
    other = (await server.addAccount("OWNER")).apiKey;
  });
  afterAll(() => server.stop());
  const statusOf = async (headers: Record<string, string>) =>
    (await fetch(`${server.url}/v1/caller`, { headers })).status;

  it("may be shown twice", async () => {
    expect(await statusOf({ authorization: `Bearer ${own}`, "x-api-key": own, "x-discolike-key": own })).toBe(200);
    expect(await statusOf({ authorization: "Basic dXNlcjpwYXNz", "x-api-key": own })).toBe(200);
  });

  it("is refused beside another one, which may be as good", async () => {
    expect(await statusOf({ authorization: `Bearer ${own}`, "x-api-key": other })).toBe(401);
    expect(await statusOf({ "x-api-key": own, "x-discolike-key": other })).toBe(401);
    expect(await statusOf({ authorization: "Bearer x", "x-discolike-key": own })).toBe(401);
    expect(await statusOf({ "x-api-key": `${own}, ${own}` })).toBe(401);
  });
});
