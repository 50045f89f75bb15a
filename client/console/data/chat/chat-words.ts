/** The words of conversations, from the contract. */

export { ResponseFormat_Type } from "../../../../gen/patchbay/v1/chat_form_pb.ts";
export { Message_Role, type MessageSchema, type ToolCall } from "../../../../gen/patchbay/v1/chat_pb.ts";
export { UsageSource } from "../../../../gen/patchbay/v1/usage_pb.ts";
