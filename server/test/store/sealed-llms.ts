import { createHash, randomUUID } from "node:crypto";
import { Secret } from "../../base/secret.ts";
import type { Store } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";

/** An Llm that was put into the database without a server, and what it should open to. */
export interface SealedLlm {
  readonly id: string;
  readonly ownerId: string;
  readonly secret: string;
}

const ENDPOINT = "https://llm.example.com/v1";
const API_PATH = "/chat/completions";
const ROWS_AT_ONCE = 500;

/** Adds accounts and their Llms, with credentials as the server seals them. */
export async function addSealedLlms(
  store: Store,
  vault: Vault,
  { owners, rows }: { owners: number; rows: number },
): Promise<SealedLlm[]> {
  const em = store.fork();
  const ownerIds = Array.from({ length: owners }, () => randomUUID());
  await em.execute(
    `insert into account (id, display_name, created_at)
     select id::uuid, 'torture', now() from jsonb_array_elements_text(?::jsonb) as given (id)`,
    [JSON.stringify(ownerIds)],
  );
  const llms: SealedLlm[] = [];
  while (llms.length < rows) {
    const batch = [];
    for (let index = llms.length; index < Math.min(rows, llms.length + ROWS_AT_ONCE); index++) {
      const llm = { id: randomUUID(), ownerId: ownerIds[index % owners] as string, secret: `sk-${randomUUID()}` };
      const place = { column: "llm.credentials", ownerId: llm.ownerId, rowId: llm.id, version: 1 };
      const secret = new Secret(JSON.stringify([llm.secret, "Authorization", "Bearer "]));
      const sealed = await vault.seal(em, { ...place, endpoint: ENDPOINT + API_PATH }, secret);
      batch.push({ ...llm, secret: llm.secret, sealed, digest: createHash("sha256").update(llm.id).digest("hex") });
    }
    await em.execute(INSERT, [ENDPOINT, API_PATH, JSON.stringify(batch)]);
    llms.push(...batch.map(({ id, ownerId, secret }) => ({ id, ownerId, secret })));
  }
  return llms;
}

/** A checksum of every column of llm but the one that a rotation is there to change. */
export async function checksumOfOtherColumns(store: Store): Promise<string> {
  const [row] = await store
    .fork()
    .execute<{ sum: string }[]>(
      `select md5(coalesce(string_agg((to_jsonb(llm) - 'sealed_credentials')::text, ',' order by id), '')) as sum from llm`,
    );
  return row?.sum ?? "";
}

const INSERT = `
  insert into llm (
    id, owner_id, display_name, description, provider_type, endpoint_url, api_path, model_identifier,
    supported_modalities, labels, version, monitoring_endpoint, capabilities, default_sampling, inferred,
    supports_web_search, sealed_credentials, credentials_version, has_credentials, credentials_hint,
    credentials_fingerprint, connection_digest, request_digest, status, created_at, updated_at, created_by, updated_by
  )
  select id, "ownerId", 'Llm', '', 'CUSTOM_OPENAI_COMPATIBLE', ?, ?, 'some-model',
    '{TEXT}', '{}', '', '', '{}', '{}', '{}',
    false, sealed, 1, true, '',
    decode(digest, 'hex'), decode(digest, 'hex'), decode(digest, 'hex'), 'UNTESTED', now(), now(), "ownerId", "ownerId"
  from jsonb_to_recordset(?::jsonb) as given (id uuid, "ownerId" uuid, sealed jsonb, digest text)`;
