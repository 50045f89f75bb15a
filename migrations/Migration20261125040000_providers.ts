import { Migration } from "@mikro-orm/migrations";

/** Providers, and the Llms that take their endpoint and credentials from one. */
export class Migration20261125040000_providers extends Migration {
  override up(): void {
    this.addSql(`
      create table provider (
        id uuid primary key,
        owner_id uuid not null constraint provider_owner_fkey references account (id),
        name varchar(128) not null,
        number serial not null constraint provider_number_key unique,
        display_name varchar(255) not null,
        provider_type varchar(32) not null,
        endpoint_url text not null,
        metadata jsonb not null,
        sealed_credentials jsonb null,
        credentials_version int not null,
        has_credentials boolean not null,
        credentials_hint varchar(8) not null,
        credentials_ref text not null,
        status varchar(32) not null,
        last_test jsonb null,
        created_at timestamptz(3) not null,
        updated_at timestamptz(3) not null,
        created_by uuid not null,
        updated_by uuid not null,
        revision int not null default 1,
        search text generated always as (lower(name || ' ' || display_name || ' ' || endpoint_url)) stored not null,
        constraint provider_owner_name_key unique (owner_id, name)
      )`);
    this.addSql("create index provider_owner_created_idx on provider (owner_id, created_at, id)");
    this.addSql("create index provider_owner_updated_idx on provider (owner_id, updated_at, id)");
    this.addSql("create index provider_created_idx on provider (created_at, id)");
    this.addSql("create index provider_search_idx on provider using gin (search gin_trgm_ops)");

    this.addSql(
      "alter table llm add column provider_id uuid null constraint llm_provider_fkey references provider (id)",
    );
    this.addSql("create index llm_provider_idx on llm (provider_id)");
  }
}
