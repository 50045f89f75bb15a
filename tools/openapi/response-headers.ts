import type { DescMethod } from "@bufbuild/protobuf";
import { MODEL_HEADERS } from "../../server/service/chat/present.ts";
import type { Response } from "./schema/open-api.ts";

/** The rpcs whose answers have headers of their own. */
const CHATS: ReadonlySet<string> = new Set(["patchbay.v1.ChatService.Chat", "patchbay.v1.ChatService.StreamChat"]);

/** The headers that the answers of an rpc have of their own; undefined if they have none. */
export function responseHeadersOf({ parent, name }: DescMethod): Response["headers"] {
  if (!CHATS.has(`${parent.typeName}.${name}`)) return undefined;
  const headers = Object.entries(MODEL_HEADERS);
  return Object.fromEntries(
    headers.map(([header, description]) => [header, { description, schema: { type: "string" } }]),
  );
}
