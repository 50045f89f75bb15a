import {
  type ApiKeyCredentials,
  type Credentials,
  type StoredCredentials_Slot,
  StoredCredentials_SlotSchema,
} from "../../../gen/patchbay/v1/credentials_pb.ts";
import { invalidField } from "../../base/fault.ts";
import { Secret } from "../../base/secret.ts";
import { parseApiKey } from "../../domain/access/api-key-format.ts";
import type { CredentialsDraft } from "../../domain/connections/credentials.ts";
import type { Notice } from "../../domain/connections/notice.ts";
import { keyIn, looksLikeExample, requireSpace } from "../../domain/connections/pasted-key.ts";
import { SecretRef } from "../../domain/connections/secret-ref.ts";
import type { Slot } from "../../domain/connections/slots.ts";
import { nameOf } from "../call/enums.ts";

/** What its sender may want to know of credentials that a request brings. */
export function remarkOn(credentials: Credentials | undefined): readonly Notice[] {
  const notices: Notice[] = [];
  if (Object.keys(credentials?.labels ?? {}).length > 0) {
    notices.push({
      code: "NOT_KEPT",
      message: "the labels of the credentials are not kept; give the Llm labels instead",
    });
  }
  const { source } = credentials?.apiKey ?? {};
  const hint = source?.case === "inlineSecret" ? hintOf(source.value) : undefined;
  if (hint !== undefined) notices.push({ code: "CREDENTIALS_HINT", message: hint });
  return notices;
}

/** What a key may be that no endpoint, or not this one, should be sent. */
function hintOf(pasted: string): string | undefined {
  if (looksLikeExample(pasted)) return "the key looks like that of an example; a test shows whether it works";
  if (parseApiKey(keyIn(pasted)) === undefined) return undefined;
  return (
    "the key is an API key of a Patchbay, and the endpoint is sent it whole: if the endpoint is none, replace it by the " +
    "provider's key, and roll the API key with POST /v1/apiKeys/ID:roll"
  );
}

/** Credentials as the request describes them. */
export function readCredentials(credentials: Credentials | undefined): CredentialsDraft | undefined {
  const { source, headerName = "", prefix } = credentials?.apiKey ?? {};
  const read = source && readSource(source);
  if (read) requireSpace(prefix);
  return read && { source: read, headerName, prefix };
}

/** Credentials of a request whose contract says that there are some. */
export function readRequiredCredentials(credentials: Credentials | undefined): CredentialsDraft {
  const read = readCredentials(credentials);
  if (!read) throw invalidField("credentials", "is required");
  return read;
}

/** Which credentials are meant; the current ones where the request leaves it open. */
export function readSlot(slot: StoredCredentials_Slot): Slot {
  return nameOf<Slot>(StoredCredentials_SlotSchema, slot) ?? "CURRENT";
}

function readSource(source: ApiKeyCredentials["source"]): CredentialsDraft["source"] | undefined {
  if (source.case === "inlineSecret") return new Secret(keyIn(source.value));
  return source.case === "secretRef" ? SecretRef.parse(source.value.uri) : undefined;
}
