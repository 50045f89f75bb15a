import { randomBytes, randomUUID } from "node:crypto";
import type { Patchbay } from "../../../client/llm.ts";
import { ApiKey_Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { Budget_Mode, Budget_Period } from "../../../gen/patchbay/v1/budget_pb.ts";
import { addApiKey } from "../../domain/access/api-keys.ts";
import { type Permission, ROLES, type Role } from "../../domain/call/permissions.ts";
import { startServer, type TestServer } from "../server/test-server.ts";
import { llmRequest } from "../service/llm-requests.ts";
import { ScriptedUpstream } from "../upstream/scripted-upstream.ts";

/** Whose thing a call is about: that of the account of most principals, that of an account of none of them, or nobody's. */
export type Whose = "own" | "foreign" | "missing";

/** Who calls, in the order of the columns of matrix.txt. */
export const PRINCIPALS = ["none", "wrong_scope", "viewer", "member", "other", "owner", "admin"] as const;
export type Principal = (typeof PRINCIPALS)[number];

/** Is in the name of all that belongs to the account that no principal but an ADMIN may see. */
export const FOREIGN_MARK = "foreign-canary";
/** Is in the name of all that belongs to the account of most principals. */
export const OWN_MARK = "own-canary";

/** The ids of what an account owns. */
export type Things = Record<"accountId" | "llmId" | "apiKeyId" | "sessionId" | "budgetId" | "routeId", string>;

/** The name of the Provider that each of these accounts has. */
export const PROVIDER = "matrix";

/** A server with accounts, what they own, and a key for each principal. */
export class World {
  readonly server: TestServer;
  readonly upstream: ScriptedUpstream;
  readonly #admin: Patchbay;
  readonly #things = new Map<string, Things>();
  /** Those who own the things, with a key of their own. */
  readonly #owners = new Map<string, Patchbay>();
  readonly #keys = new Map<string, string>();

  private constructor(server: TestServer, upstream: ScriptedUpstream) {
    this.server = server;
    this.upstream = upstream;
    this.#admin = server.client(server.adminKey);
  }

  static async make(): Promise<World> {
    const upstream = await ScriptedUpstream.start();
    const limits = ["TESTS_PER_MINUTE", "CHATS_PER_MINUTE", "CHAT_BYTES_PER_MINUTE"].map((name) => [name, "0"]);
    const server = await startServer({ EGRESS_ALLOW: upstream.url, ...Object.fromEntries(limits) });
    const world = new World(server, upstream);
    await world.#add("own", OWN_MARK);
    await world.#add("foreign", FOREIGN_MARK);
    const { accountId } = world.things("own");
    for (const role of ["VIEWER", "MEMBER", "OWNER"] as const) {
      world.#keys.set(role.toLowerCase(), await server.addKey(accountId, role));
    }
    world.#keys.set("other", (await server.addAccount("OWNER")).apiKey);
    world.#keys.set("admin", server.adminKey);
    return world;
  }

  /** The ids of what an account owns; of nobody's things, ids that there are not. */
  things(whose: Whose): Things {
    const [accountId, llmId, sessionId, budgetId] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    const apiKeyId = randomBytes(8).toString("hex");
    return this.#things.get(whose) ?? { accountId, llmId, apiKeyId, sessionId, budgetId, routeId: randomUUID() };
  }

  /** An Llm of its own for a call that would be the end of it. */
  async newLlm(whose: Whose): Promise<string> {
    const { accountId, llmId } = this.things(whose);
    if (whose === "missing") return llmId;
    const { llm } = await this.#admin.llms.createLlm(llmRequest({ ownerId: accountId }));
    return llm?.llmId ?? "";
  }

  /** One that can be brought back. */
  async deletedLlm(whose: Whose): Promise<string> {
    const llmId = await this.newLlm(whose);
    if (whose !== "missing") await this.#admin.llms.deleteLlm({ llmId });
    return llmId;
  }

  /** The name of a Provider of its own for a call that would be the end of it. */
  async newProvider(whose: Whose): Promise<string> {
    const name = `short-lived-${randomUUID()}`;
    const draft = { name, ownerId: this.things(whose).accountId, endpointUrl: "https://vendor.example.com/v1" };
    if (whose !== "missing") await this.#admin.providers.upsertProvider(draft);
    return name;
  }

  /** A route of its own for a call that would be the end of it. */
  async newRoute(whose: Whose): Promise<string> {
    const { accountId, llmId, routeId } = this.things(whose);
    if (whose === "missing") return routeId;
    const draft = { ownerId: accountId, name: `of-${randomUUID().slice(0, 8)}`, tiers: [{ targets: [{ llmId }] }] };
    return (await this.#admin.routes.createRoute(draft)).route?.routeId ?? "";
  }

  /** An API key of its own for a call that would be the end of it. */
  async newApiKey(whose: Whose): Promise<string> {
    const { accountId, apiKeyId } = this.things(whose);
    if (whose === "missing") return apiKeyId;
    const draft = { accountId, displayName: "short-lived", role: ApiKey_Role.VIEWER };
    return (await this.#admin.access.createApiKey(draft)).apiKey?.apiKeyId ?? "";
  }

  /** A session of its own for a call that would be the end of it. */
  async newSession(whose: Whose): Promise<string> {
    const { llmId, sessionId } = this.things(whose);
    const made = await this.#owners.get(whose)?.chat.chat({ llmId, newSession: true, message: "Hi" });
    return made?.sessionId ?? sessionId;
  }

  /** A budget of its own for a call that would be the end of it; it only warns. */
  async newBudget(whose: Whose): Promise<string> {
    const { budgetId } = this.things(whose);
    const llmId = await this.newLlm(whose);
    const asked = { llmId, amount: 1_000_000n, period: Budget_Period.TOTAL, mode: Budget_Mode.WARN };
    return (await this.#owners.get(whose)?.budgets.setBudget(asked))?.budget?.budgetId ?? budgetId;
  }

  /** The key that a principal calls with. That with the wrong scope may do everything but what is asked for. */
  async keyOf(principal: Principal, required: readonly string[]): Promise<string | undefined> {
    if (principal !== "wrong_scope") return this.#keys.get(principal);
    const name = `all but ${required}`;
    const scopes = [...ROLES.ADMIN].filter((permission) => !required.includes(permission));
    const key = this.#keys.get(name) ?? (await this.#addKey("ADMIN", scopes));
    this.#keys.set(name, key);
    return key;
  }

  /** The key of an OWNER of the own account who may use one Llm only, which nothing else is about. */
  async keyByName(): Promise<string> {
    const llmId = await this.newLlm("own");
    const limits = { allowedModels: [llmId] };
    const made = await this.#owners.get("own")?.access.createApiKey({
      displayName: "by name",
      role: ApiKey_Role.OWNER,
      limits,
    });
    return made?.key ?? "";
  }

  async close(): Promise<void> {
    await this.server.stop();
    await this.upstream.close();
  }

  async #addKey(role: Role, scopes: readonly Permission[]): Promise<string> {
    const em = this.server.store.fork();
    const { accountId } = this.things("own");
    const { key } = addApiKey(em, { accountId, role, scopes, displayName: "all but one" });
    await em.flush();
    return key.reveal();
  }

  async #add(whose: Whose, mark: string): Promise<void> {
    const { access, llms, providers } = this.#admin;
    const { account } = await access.createAccount({ displayName: mark });
    const accountId = account?.accountId ?? "";
    const said = { ownerId: accountId, displayName: mark, endpointUrl: `${this.upstream.url}/v1` };
    const { llm } = await llms.createLlm(llmRequest({ ...said, modelIdentifier: `fine-${mark}` }));
    const draft = { accountId, displayName: mark, role: ApiKey_Role.VIEWER };
    const { apiKey } = await access.createApiKey(draft);
    const endpointUrl = `${this.upstream.url}/v1`;
    await providers.upsertProvider({ name: PROVIDER, ownerId: accountId, displayName: mark, endpointUrl });
    await llms.setDefaultLlm({ llmId: llm?.llmId ?? "" });
    this.#owners.set(whose, this.server.client(await this.server.addKey(accountId, "OWNER")));
    const things = {
      accountId,
      llmId: llm?.llmId ?? "",
      apiKeyId: apiKey?.apiKeyId ?? "",
      sessionId: "",
      budgetId: "",
      routeId: "",
    };
    this.#things.set(whose, things);
    things.sessionId = await this.newSession(whose);
    things.budgetId = await this.newBudget(whose);
    things.routeId = await this.newRoute(whose);
  }
}
