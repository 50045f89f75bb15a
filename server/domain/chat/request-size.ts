import type { ContentPart, ModelRequest } from "../../upstream/conversation.ts";

/** The bytes of what is said and shown in a request, and of its tools: what a limit of bytes counts. */
export function sizeOf({ messages, tools }: ModelRequest): number {
  const parts = messages.flatMap((message) => message.parts).reduce((sum, part) => sum + sizeOfPart(part), 0);
  return parts + (tools.length > 0 ? Buffer.byteLength(JSON.stringify(tools)) : 0);
}

function sizeOfPart(part: ContentPart): number {
  if (part.type === "image-data") return part.data.byteLength;
  return Buffer.byteLength(part.type === "text" ? part.text : part.url);
}
