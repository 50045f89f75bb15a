import { type HeldLimitsRow, heldLimitsSql, readHeldLimits, type StoredHeldLimits } from "../limits/holder-limits.ts";
import { Llm } from "../schema/llm.entity.ts";
import type { RowReader } from "../sql/rows.ts";
import { type ApiKeyRow, readApiKeyRow, type StoredApiKey } from "./access.ts";

type Name = "apiKey" | "account" | "llm" | "llmForUse" | "defaultLlm";

/** What authentication by a token needs to know of an account. */
export interface AccountRow {
  readonly id: string;
  readonly contact: string;
  readonly limits: readonly HeldLimitsRow[] | undefined;
}

/** The plain rows that most calls need, by statements that each connection prepares once. */
export class PreparedReads {
  readonly #rows: RowReader;
  readonly #statements: Readonly<Record<Name, string>>;

  constructor(rows: RowReader) {
    this.#rows = rows;
    const withSecret = rows.listOf(Llm, ["sealedCredentials", "hasBudget"]);
    const owned = "from llm where llm.id = $1 and ($2::uuid is null or llm.owner_id = $2) and llm.deleted_at is null";
    this.#statements = {
      apiKey: `select account_id, role, scopes, digest, expires_at, revoked_at,
        ${heldLimitsSql("api_key.limits_id", "api_key.account_id")} as limits from api_key where id = $1`,
      account: `select id, coalesce(nullif(contact, ''), 'the owners of the account ' || display_name) as contact,
        ${heldLimitsSql("null", "account.id")} as limits from account where id = $1`,
      llm: `select ${rows.listOf(Llm)} ${owned}`,
      llmForUse: `select ${withSecret} ${owned}`,
      defaultLlm: "select default_llm_id as id from account where id = $1 and default_llm_id is not null",
    };
  }

  async apiKey(id: string): Promise<ApiKeyRow | undefined> {
    const row = await this.#first<StoredApiKey>("apiKey", [id]);
    return row && readApiKeyRow(row);
  }

  /** Whether there is such an account, and what all who call for it may take together. */
  async account(id: string): Promise<AccountRow | undefined> {
    const row = await this.#first<{ contact: string; limits: readonly StoredHeldLimits[] | null }>("account", [id]);
    return row && { id, contact: row.contact, limits: readHeldLimits(row.limits) };
  }

  /** An Llm, if it is that owner's or the owner is left open. */
  llm(id: string, ownerId: string | undefined): Promise<Readonly<Llm> | undefined> {
    return this.#first("llm", [id, ownerId]);
  }

  /** An Llm with what it takes to chat through it, if it is that owner's or the owner is left open. */
  llmForUse(id: string, ownerId: string | undefined): Promise<Readonly<Llm> | undefined> {
    return this.#first("llmForUse", [id, ownerId]);
  }

  /** The id of an account's default Llm. */
  defaultLlm(accountId: string): Promise<{ readonly id: string } | undefined> {
    return this.#first("defaultLlm", [accountId]);
  }

  async #first<Row>(name: Name, values: readonly unknown[]): Promise<Row | undefined> {
    const [row] = await this.#rows.query<Row>({ name, text: this.#statements[name], values });
    return row;
  }
}
