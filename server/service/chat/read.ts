import {
  type ResponseFormat,
  ResponseFormat_Type,
  type ToolChoice,
  ToolChoice_Mode,
} from "../../../gen/patchbay/v1/chat_form_pb.ts";
import type { Tool } from "../../../gen/patchbay/v1/chat_pb.ts";
import { invalidField } from "../../base/fault.ts";
import type { ToolChoice as Choice, ResponseFormat as Format } from "../../upstream/models/conversation.ts";

/** In which form the reply shall be; undefined when it is left open. */
export function readResponseFormat(format: ResponseFormat | undefined): Format | undefined {
  switch (format?.type) {
    case ResponseFormat_Type.TEXT:
      return { type: "text" };
    case ResponseFormat_Type.JSON_OBJECT:
      return { type: "json-object" };
    case ResponseFormat_Type.JSON_SCHEMA: {
      const { name = "", description = "", schema = {}, strict } = format.jsonSchema ?? {};
      return { type: "json-schema", name: name || "reply", description, schema, strict };
    }
    default:
      return undefined;
  }
}

/** Whether tools are called; undefined when it is left open. */
export function readToolChoice(choice: ToolChoice | undefined, tools: readonly Tool[]): Choice | undefined {
  switch (choice?.mode) {
    case ToolChoice_Mode.AUTO:
      return { type: "auto" };
    case ToolChoice_Mode.NONE:
      return { type: "none" };
    case ToolChoice_Mode.REQUIRED:
      if (tools.length === 0) throw invalidField("tool_choice.mode", "REQUIRED needs tools to choose from");
      return { type: "required" };
    case ToolChoice_Mode.TOOL:
      if (!tools.some(({ name }) => name === choice.tool))
        throw invalidField("tool_choice.tool", "must be one of tools");
      return { type: "tool", name: choice.tool };
    default:
      return undefined;
  }
}
