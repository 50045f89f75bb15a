import { Migration } from "@mikro-orm/migrations";

/** What every reply took and cost, and the sums of it by day and by Llm. */
export class Migration20261125060000_usage extends Migration {
  override up(): void {
    this.addSql("alter table llm add column price jsonb null");

    this.addSql(`
      create table reply_usage (
        id uuid primary key,
        owner_id uuid not null,
        llm_id uuid not null,
        account_id uuid not null,
        api_key_id varchar(16) not null,
        subject text null,
        request_id varchar(64) not null,
        session_id uuid null,
        turn_id uuid null,
        model varchar(255) not null,
        provider_type varchar(32) not null,
        labels jsonb not null,
        input_tokens bigint null,
        cache_read_tokens bigint null,
        cache_write_tokens bigint null,
        output_tokens bigint null,
        reasoning_tokens bigint null,
        source varchar(16) null,
        outcome varchar(16) not null,
        latency_ms int not null,
        first_token_ms int null,
        cost bigint null,
        price_source varchar(64) null,
        price_date date null,
        created_at timestamptz(3) not null
      )`);
    this.addSql("create index reply_usage_owner_idx on reply_usage (owner_id, created_at)");
    this.addSql("create index reply_usage_turn_idx on reply_usage (turn_id) where turn_id is not null");

    this.addSql(`
      create table daily_usage (
        llm_id uuid not null,
        day date not null,
        labels_key uuid not null,
        owner_id uuid not null,
        labels jsonb not null,
        replies bigint not null,
        unpriced_replies bigint not null,
        estimated_replies bigint not null,
        refused_calls bigint not null,
        input_tokens bigint not null,
        cache_read_tokens bigint not null,
        cache_write_tokens bigint not null,
        output_tokens bigint not null,
        reasoning_tokens bigint not null,
        cost bigint not null,
        primary key (llm_id, day, labels_key)
      )`);
    this.addSql("create index daily_usage_owner_idx on daily_usage (owner_id, day)");
    this.addSql("create index daily_usage_day_idx on daily_usage (day)");

    this.addSql(`
      create table llm_total (
        llm_id uuid primary key,
        unpriced_replies bigint not null,
        cost bigint not null
      )`);
  }
}
