/**
 * GetLlm as a team writes it by hand for itself: Fastify, one prepared statement, a schema for the answer. It knows its
 * one API key from its environment, which saves it the read that we make for ours.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import fastify from "fastify";
import { Pool } from "pg";

const QUERY = `
  select id, display_name, description, provider_type, endpoint_url, api_path, model_identifier, supported_modalities,
    labels, version, monitoring_endpoint, capabilities, default_sampling, max_context_length, client_config, owner_id,
    created_at, updated_at, created_by, updated_by, status, model_state, model, supports_web_search, credentials_hint,
    has_credentials, last_test, revision,
    (select default_llm_id = llm.id from account where account.id = llm.owner_id) as is_default
  from llm where id = $1`;

const text = { type: "string" };
const flag = { type: "boolean" };
const open = { type: "object", additionalProperties: true };
const LLM = {
  type: "object",
  properties: {
    llmId: text,
    displayName: text,
    description: text,
    providerType: text,
    endpointUrl: text,
    apiPath: text,
    modelIdentifier: text,
    supportedModalities: { type: "array", items: text },
    labels: { type: "object", additionalProperties: text },
    version: text,
    monitoringEndpoint: text,
    capabilities: open,
    defaultSamplingParams: open,
    maxContextLength: { type: "integer" },
    ownerId: text,
    createdAt: text,
    updatedAt: text,
    createdById: text,
    updatedById: text,
    status: text,
    isDefault: flag,
    modelDeprecated: flag,
    modelState: open,
    capabilitySources: open,
    supportsWebSearch: flag,
    credentialsHint: text,
    hasCredentials: flag,
    etag: text,
  },
};

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 20 });
const digest = (key: string) => createHash("sha256").update(key).digest();
const expected = digest(`Bearer ${process.env.API_KEY}`);
const app = fastify();

app.get(
  "/v1/llms/:id",
  {
    schema: { response: { 200: LLM } },
    async onRequest(request, reply) {
      const isKnown = timingSafeEqual(digest(request.headers.authorization ?? ""), expected);
      if (!isKnown) return reply.code(401).send({ error: "unauthorized" });
    },
  },
  async ({ params }, reply) => {
    const { rows } = await pool.query({ name: "get-llm", text: QUERY, values: [params.id] });
    const [row] = rows;
    if (!row) return reply.code(404).send({ error: "not found" });
    return {
      llmId: row.id,
      displayName: row.display_name,
      description: row.description,
      providerType: row.provider_type,
      endpointUrl: row.endpoint_url,
      apiPath: row.api_path,
      modelIdentifier: row.model_identifier,
      supportedModalities: row.supported_modalities,
      labels: row.labels,
      version: row.version,
      monitoringEndpoint: row.monitoring_endpoint,
      capabilities: row.capabilities,
      defaultSamplingParams: row.default_sampling,
      maxContextLength: row.max_context_length ?? undefined,
      ownerId: row.owner_id,
      createdAt: String(row.created_at.getTime()),
      updatedAt: String(row.updated_at.getTime()),
      createdById: row.created_by,
      updatedById: row.updated_by,
      status: row.status,
      isDefault: row.is_default ?? false,
      modelDeprecated: row.model_state === "DEPRECATED" || row.model_state === "RETIRED",
      modelState: { state: row.model_state, source: row.model.source },
      capabilitySources: row.model.claims,
      supportsWebSearch: row.supports_web_search,
      credentialsHint: row.credentials_hint,
      hasCredentials: row.has_credentials,
      etag: `r${row.revision}`,
    };
  },
);

process.stdout.write(`listens on ${await app.listen({ host: "127.0.0.1", port: 0 })}\n`);
