import { Migration } from "@mikro-orm/migrations";

/** Deleted Llms, which stay for some time; what is read all the time has indexes without them. */
export class Migration20261125030000_soft_delete extends Migration {
  override up(): void {
    // An index of a million rows takes longer than a statement of a call may.
    this.addSql("set local statement_timeout = 0");
    this.addSql("alter table llm add column deleted_at timestamptz(3) null");

    this.addSql("alter table llm drop constraint llm_owner_connection_key");
    this.addSql(`
      create unique index llm_owner_connection_key on llm (owner_id, connection_digest) where deleted_at is null`);
    const live = (name: string, columns: string, condition = "deleted_at is null") => {
      this.addSql(`drop index if exists ${name}`);
      this.addSql(`create index ${name} on llm ${columns} where ${condition}`);
    };
    // True of every row, and said by lists of everybody's Llms alone: no other query is led to these indexes.
    const everybodys = (name: string, columns: string) => live(name, columns, "deleted_at is null and revision > 0");
    live("llm_owner_created_idx", "(owner_id, created_at, id)");
    live("llm_owner_updated_idx", "(owner_id, updated_at, id)");
    live("llm_owner_display_name_idx", "(owner_id, display_name, id)");
    live("llm_owner_model_idx", "(owner_id, model_identifier, id)");
    everybodys("llm_created_idx", "(created_at, id)");
    everybodys("llm_updated_idx", "(updated_at, id)");
    everybodys("llm_display_name_idx", "(display_name, id)");
    everybodys("llm_model_idx", "(model_identifier, id)");
    live("llm_search_idx", "using gin (search gin_trgm_ops)");
    live("llm_labels_idx", "using gin (labels jsonb_path_ops)");
    this.addSql("create index llm_deleted_idx on llm (deleted_at) where deleted_at is not null");
    this.addSql("create index llm_owner_deleted_idx on llm (owner_id) where deleted_at is not null");
  }
}
