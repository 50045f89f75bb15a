import { file_google_protobuf_struct, file_google_protobuf_wrappers } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { FieldBehavior } from "../../../gen/google/api/field_behavior_pb.ts";
import { formOf, hasOwnForm } from "../../../server/wire/call/fields.ts";
import { documentOf, type TestContract } from "../test-contract.ts";
import type { Schema } from "./open-api.ts";
import { ownFormSchema } from "./value-schema.ts";

/** The schemas of an rpc that takes In and answers Out. */
function schemasOf(contract: Partial<TestContract> & Pick<TestContract, "messages">) {
  const rule = { pattern: { case: "post" as const, value: "/v1/a" }, body: "*" };
  const messages = { In: {}, Out: {}, ...contract.messages };
  const { components } = documentOf({ ...contract, messages, rpcs: { Call: { input: "In", output: "Out", rule } } });
  return components.schemas;
}

function propertyOf(type: string, more: Partial<TestContract> = {}): Schema {
  const { In } = schemasOf({ messages: { In: { it: type } }, ...more });
  return (In?.properties as Record<string, Schema> | undefined)?.it ?? {};
}

describe("the schema of a field", () => {
  it.each([
    ["string", { type: "string" }],
    ["bool", { type: "boolean" }],
    ["int32", { type: "integer", format: "int32" }],
    ["uint32", { type: "integer", format: "uint32", minimum: 0 }],
    ["int64", { type: "string", format: "int64" }],
    ["uint64", { type: "string", format: "uint64" }],
    ["double", { type: "number", format: "double" }],
    ["bytes", { type: "string", contentEncoding: "base64" }],
    ["optional string", { type: "string" }],
    ["repeated int64", { type: "array", items: { type: "string", format: "int64" } }],
    ["map<string, bool>", { type: "object", additionalProperties: { type: "boolean" } }],
    ["google.protobuf.Timestamp", { type: "string", format: "date-time" }],
    ["google.protobuf.Struct", { type: "object", additionalProperties: true }],
    ["google.protobuf.Value", {}],
    ["google.protobuf.Int64Value", { type: ["string", "null"], format: "int64" }],
    ["In", { $ref: "#/components/schemas/In" }],
    ["repeated In", { type: "array", items: { $ref: "#/components/schemas/In" } }],
  ])("of the type %s", (type, schema) => expect(propertyOf(type)).toEqual(schema));

  it("says what its comment says", () => {
    expect(propertyOf("Color", { enums: { Color: { RED: 0 } }, comments: { "test.v1.In.it": "Its color." } })).toEqual({
      $ref: "#/components/schemas/Color",
      description: "Its color.",
    });
  });

  it("says that a field only goes in, or only comes out", () => {
    const messages = { In: { sent: "string", answered: "string" } };
    const behaviors = { "In.sent": FieldBehavior.INPUT_ONLY, "In.answered": FieldBehavior.OUTPUT_ONLY };
    expect(schemasOf({ messages, behaviors }).In?.properties).toEqual({
      sent: { type: "string", writeOnly: true },
      answered: { type: "string", readOnly: true },
    });
  });

  it("says that a field that is not for logs is a secret", () => {
    expect(propertyOf("string", { redacted: ["In.it"] })).toEqual({
      type: "string",
      format: "password",
      writeOnly: true,
    });
  });

  it("says of a secret in an answer that it is one, and not that it only goes in", () => {
    const { Out } = schemasOf({ messages: { Out: { it: "string" } }, redacted: ["Out.it"] });
    expect(Out?.properties).toEqual({ it: { type: "string", format: "password" } });
  });

  it("has a form for each message that the transcoder has one for", () => {
    const messages = [file_google_protobuf_struct, file_google_protobuf_wrappers].flatMap((file) => file.messages);
    const own = messages.filter(hasOwnForm);
    expect(own.length).toBeGreaterThan(10);
    expect(own.filter((desc) => !ownFormSchema(desc)).map((message) => formOf({ kind: "message", message }))).toEqual(
      [],
    );
  });
});

describe("the schema of an enum", () => {
  const enums = { Color: { COLOR_UNSPECIFIED: 0, RED: 1, BLUE: 2 } };

  it("has no value for what was not said", () => {
    const comments = { "test.v1.RED": "Warm.", "test.v1.Color": "A color." };
    expect(schemasOf({ messages: { In: { it: "Color" } }, enums, comments }).Color).toEqual({
      type: "string",
      description: "A color.\n\n- `RED`: Warm.\n- `BLUE`",
      enum: ["RED", "BLUE"],
    });
  });

  it("keeps a zero that says something", () => {
    expect(schemasOf({ messages: { In: { it: "Side" } }, enums: { Side: { LEFT: 0, RIGHT: 1 } } }).Side).toMatchObject({
      enum: ["LEFT", "RIGHT"],
    });
  });
});

describe("the schema of a message", () => {
  const shape = { text: "string", maybe: "optional string", list: "repeated string", other: "Other" };

  it("asks of a request what the rules ask for, and refuses other fields", () => {
    const rules = {
      "In.text": { type: { case: "string" as const, value: { minLen: 1n } } },
      "In.maybe": { type: { case: "string" as const, value: { minLen: 1n } } },
      "In.other": { required: true },
    };
    const { In } = schemasOf({ messages: { In: shape, Other: {} }, rules });
    expect(In).toMatchObject({ required: ["text", "other"], additionalProperties: false });
  });

  it("promises of an answer what proto JSON always has, and allows other fields", () => {
    const { Out } = schemasOf({ messages: { Out: shape, Other: {} } });
    expect(Out).toMatchObject({ required: ["text", "list"] });
    expect(Out).not.toHaveProperty("additionalProperties");
  });

  it("that goes both ways promises nothing and allows other fields", () => {
    const { Other } = schemasOf({ messages: { In: { it: "Other" }, Out: { it: "Other" }, Other: { text: "string" } } });
    expect(Other).toEqual({ type: "object", properties: { text: { type: "string" } } });
  });

  it("may hold itself", () => {
    expect(schemasOf({ messages: { In: { it: "In" } } }).In).toMatchObject({
      properties: { it: { $ref: "#/components/schemas/In" } },
    });
  });

  it("says which fields exclude each other", () => {
    const { In } = schemasOf({
      messages: { In: { left: "string", right: "string" } },
      oneofs: { In: { side: ["left", "right"] } },
    });
    expect(In?.description).toBe("At most one of `left`, `right`.");
    expect(In).not.toHaveProperty("oneOf");
  });
});
