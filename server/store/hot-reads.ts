import type { MikroORM } from "@mikro-orm/postgresql";
import { types } from "pg";
import { type ApiKeyRow, readApiKeyRow, type StoredApiKey } from "./api-key-queries.ts";
import { Llm } from "./llm.entity.ts";
import { selectList } from "./plain-rows.ts";

type Name = "apiKey" | "account" | "llm" | "llmForUse" | "defaultLlm";

/** The rows that most calls need, read past the unit of work: by named statements, as plain objects that nothing tracks. */
export class HotReads {
  readonly #orm: MikroORM;
  readonly #statements: Readonly<Record<Name, string>>;

  constructor(orm: MikroORM) {
    this.#orm = orm;
    const llm = orm.getMetadata().get(Llm);
    const secret = selectList(llm, "llm", { withLazy: ["sealedCredentials", "hasBudget"] });
    const owned = "from llm where llm.id = $1 and ($2::uuid is null or llm.owner_id = $2) and llm.deleted_at is null";
    this.#statements = {
      apiKey: "select account_id, role, scopes, digest, expires_at, revoked_at from api_key where id = $1",
      account: "select id from account where id = $1",
      llm: `select ${selectList(llm, "llm")} ${owned}`,
      llmForUse: `select ${secret} ${owned}`,
      defaultLlm: "select default_llm_id as id from account where id = $1 and default_llm_id is not null",
    };
  }

  async apiKey(id: string): Promise<ApiKeyRow | undefined> {
    const row = await this.#first<StoredApiKey>("apiKey", [id]);
    return row && readApiKeyRow(row);
  }

  /** Whether there is such an account. */
  account(id: string): Promise<{ readonly id: string } | undefined> {
    return this.#first("account", [id]);
  }

  /** An Llm, if it is that owner's or the owner is left open. */
  llm(id: string, ownerId: string | undefined): Promise<Readonly<Llm> | undefined> {
    return this.#first("llm", [id, ownerId]);
  }

  /** The same, with what it takes to chat through it. */
  llmForUse(id: string, ownerId: string | undefined): Promise<Readonly<Llm> | undefined> {
    return this.#first("llmForUse", [id, ownerId]);
  }

  /** The id of an account's default Llm. */
  defaultLlm(accountId: string): Promise<{ readonly id: string } | undefined> {
    return this.#first("defaultLlm", [accountId]);
  }

  async #first<Row>(name: Name, values: readonly unknown[]): Promise<Row | undefined> {
    // With pg's own readers of values: those of MikroORM's connections leave JSON and times as text.
    const pool = await this.#orm.em.getConnection().getNativeClient();
    const { rows } = await pool.query({ name, text: this.#statements[name], values: [...values], types });
    return rows[0] as Row | undefined;
  }
}
