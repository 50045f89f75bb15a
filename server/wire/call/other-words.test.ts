import { describe, expect, it } from "vitest";
import { ChatRequestSchema } from "../../../gen/patchbay/v1/chat_service_pb.ts";
import { remarkFor } from "./other-words.ts";

describe("a remark on an unknown field", () => {
  it("is known of the words of other APIs", () => {
    expect(remarkFor(ChatRequestSchema, "reasoning_effort")).toContain("client_config");
  });

  it("is none for what every object has", () => {
    expect(remarkFor(ChatRequestSchema, "constructor")).toBeUndefined();
  });
});
