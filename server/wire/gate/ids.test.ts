import { create, type DescMessage } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { UpdateLlmRequestSchema } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { SERVICES } from "../../service/services.ts";
import { lowerIds, mustBeUuid } from "./ids.ts";

const UPPER = "AAAAAAAA-0000-4000-8000-00000000000A";

describe("ids behind the gate", () => {
  it("are in lower case", () => {
    const update = create(UpdateLlmRequestSchema, { requestId: UPPER });
    lowerIds(UpdateLlmRequestSchema, update);
    expect(update.requestId).toBe(UPPER.toLowerCase());
  });

  it("leave other texts as they are, and what is not said unsaid", () => {
    const request = create(UpdateLlmRequestSchema, { llmId: UPPER, displayName: UPPER });
    lowerIds(UpdateLlmRequestSchema, request);
    expect(request).toMatchObject({ llmId: UPPER, displayName: UPPER });
    expect(request).not.toHaveProperty("requestId", undefined);
  });

  it("are fields of the requests themselves: none is hidden in a message inside", () => {
    const inputs = SERVICES.flatMap(({ methods }) => methods.map(({ input }) => input));
    expect(inputs.flatMap(({ fields }) => fields.filter(mustBeUuid)).length).toBeGreaterThan(50);
    const inside = new Set<DescMessage>();
    const enter = (type: DescMessage) => {
      for (const { message } of type.fields) {
        if (!message || inside.has(message)) continue;
        inside.add(message);
        enter(message);
      }
    };
    for (const input of inputs) enter(input);
    const hidden = [...inside].flatMap(({ fields }) => fields.filter(mustBeUuid)).map((field) => field.toString());
    hidden.push(
      ...inputs.flatMap(({ fields }) => fields.filter((field) => mustBeUuid(field) && field.oneof)).map(String),
    );
    expect(hidden, "lowerIds has to look into messages, too").toEqual([]);
  });
});
