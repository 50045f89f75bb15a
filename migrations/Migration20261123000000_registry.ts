import { Migration } from "@mikro-orm/migrations";

/** Accounts, their API keys and Llms, and the keys that seal their secrets. */
export class Migration20261123000000_registry extends Migration {
  override up(): void {
    this.addSql("create extension if not exists pg_trgm");

    this.addSql(`
      create table account (
        id uuid primary key,
        display_name varchar(255) not null,
        default_llm_id uuid null,
        created_at timestamptz(3) not null
      )`);

    this.addSql(`
      create table api_key (
        id varchar(16) primary key,
        account_id uuid not null constraint api_key_account_fkey references account (id),
        display_name varchar(255) not null,
        role varchar(16) not null,
        digest bytea not null,
        created_at timestamptz(3) not null,
        expires_at timestamptz(3) null,
        revoked_at timestamptz(3) null
      )`);

    this.addSql(`
      create table wrapped_key (
        id uuid primary key,
        holder varchar(64) not null,
        wrapped_by varchar(64) not null,
        wrapped jsonb not null,
        created_at timestamptz(3) not null
      )`);
    this.addSql("create index wrapped_key_holder_idx on wrapped_key (holder, created_at)");

    this.addSql(`
      create table llm (
        id uuid primary key,
        owner_id uuid not null constraint llm_owner_fkey references account (id),
        display_name varchar(255) not null,
        description text not null,
        provider_type varchar(32) not null,
        endpoint_url text not null,
        api_path text not null,
        model_identifier varchar(255) not null,
        supported_modalities text[] not null,
        labels jsonb not null,
        version varchar(64) not null,
        monitoring_endpoint text not null,
        capabilities jsonb not null,
        default_sampling jsonb not null,
        max_context_length int null,
        client_config jsonb null,
        inferred text[] not null,
        model_deprecated boolean not null,
        supports_web_search boolean not null,
        sealed_credentials jsonb null,
        credentials_version int not null,
        has_credentials boolean not null,
        credentials_hint varchar(8) not null,
        credentials_fingerprint bytea not null,
        connection_digest bytea not null,
        request_digest bytea not null,
        status varchar(32) not null,
        last_test jsonb null,
        created_at timestamptz(3) not null,
        updated_at timestamptz(3) not null,
        created_by uuid not null,
        updated_by uuid not null,
        revision int not null default 1,
        search text generated always as (
          lower(id::text || ' ' || display_name || ' ' || endpoint_url || ' ' || model_identifier)
        ) stored not null,
        constraint llm_owner_connection_key unique (owner_id, connection_digest)
      )`);
    this.addSql("create index llm_owner_created_idx on llm (owner_id, created_at, id)");
    this.addSql("create index llm_owner_updated_idx on llm (owner_id, updated_at, id)");
    this.addSql("create index llm_owner_display_name_idx on llm (owner_id, display_name, id)");
    this.addSql("create index llm_owner_model_idx on llm (owner_id, model_identifier, id)");
    this.addSql("create index llm_created_idx on llm (created_at, id)");
    this.addSql("create index llm_search_idx on llm using gin (search gin_trgm_ops)");

    this.addSql(`
      alter table account add constraint account_default_llm_fkey
        foreign key (default_llm_id) references llm (id) on delete set null`);
  }
}
