import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { CredentialsSchema } from "../../../gen/patchbay/v1/credentials_pb.ts";
import { makeApiKey } from "../../domain/access/api-key-format.ts";
import { remarkOn } from "./read-credentials.ts";

const credentialsOf = (value: string) =>
  create(CredentialsSchema, { apiKey: { source: { case: "inlineSecret", value } } });

describe("a remark on credentials", () => {
  it("is made of a key of our own, which somebody took for the provider's, and does not repeat it", () => {
    const key = makeApiKey().reveal();
    const [notice, ...others] = remarkOn(credentialsOf(`Bearer ${key}`));
    expect([notice?.code, others]).toEqual(["CREDENTIALS_HINT", []]);
    expect(notice?.message).toContain("API key of a Patchbay");
    expect(notice?.message).not.toContain(key);
  });

  it.each(["sk-proj-0123456789abcdef", "pb_live_that_nobody_made"])("is not made of %s", (key) => {
    expect(remarkOn(credentialsOf(key))).toEqual([]);
  });
});
