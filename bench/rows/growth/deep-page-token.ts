import type { Client } from "pg";
import { signPosition } from "../../../server/domain/call/paging.ts";
import { listKeyOf } from "../../../server/domain/llms/values.ts";
import { Store } from "../../../server/store/store.ts";
import { Vault } from "../../../server/store/vault/vault.ts";

/** Where the server is whose tokens these are to be. */
export interface TokenMaker {
  readonly database: Client;
  readonly databaseUrl: string;
  readonly keyringFile: string;
}

/** The tokens of the pages behind these many rows, of everybody or of one owner: to walk there would take minutes. */
export async function deepPageTokens(
  { database, databaseUrl, keyringFile }: TokenMaker,
  ownerId: string | undefined,
  positions: readonly number[],
): Promise<string[]> {
  const store = await Store.open({ url: databaseUrl }, () => {});
  const vault = await Vault.openFile(store.fork(), keyringFile);
  const filter = {
    ownerId,
    providerType: undefined,
    status: undefined,
    modelState: undefined,
    labels: {},
    search: "",
    showDeleted: false,
  };
  const tokens: string[] = [];
  for (const position of positions) {
    const { rows } = await database.query<{ created_at: Date; id: string }>(
      "select created_at, id from llm where $1::uuid is null or owner_id = $1 order by created_at, id offset $2 limit 1",
      [ownerId, position - 1],
    );
    const [last] = rows;
    if (!last) throw new Error(`there are no ${position} rows`);
    const key = listKeyOf({ filter, order: "createdAt", descending: false });
    tokens.push(signPosition(vault, "page-token", key, [last.created_at.toISOString(), last.id]));
  }
  vault.close();
  await store.close();
  return tokens;
}
