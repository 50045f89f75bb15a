import { Fault } from "../../base/fault.ts";
import type { Provider } from "../../store/provider.entity.ts";
import type { ProviderKey } from "../../store/provider-queries.ts";
import type { ProviderType } from "../../upstream/target.ts";
import type { OwnPermission } from "../access/permissions.ts";
import { reach, requireReach, type Scope } from "../access/scope.ts";

/** A Provider as a caller names it. */
export interface ProviderRef {
  /** Its name, or its id. */
  readonly name: string;
  /** Whose it is; undefined: the caller's if it is named by its name, else anybody's. */
  readonly ownerId: string | undefined;
}

/** The APIs that go without saying, by the names of those who speak them. */
const TYPES_BY_NAME: ReadonlyMap<string, ProviderType> = new Map([
  ["openai", "OPENAI"],
  ["anthropic", "ANTHROPIC"],
  ["openrouter", "OPEN_ROUTER"],
  ["dashscope", "DASHSCOPE"],
  ["ollama", "OLLAMA"],
  ["vllm", "VLLM"],
]);

/** The API that a Provider of this name speaks unless somebody says otherwise. */
export function usualTypeOf(name: string): ProviderType {
  return TYPES_BY_NAME.get(name) ?? "CUSTOM_OPENAI_COMPATIBLE";
}

/** The column holds nothing else: what goes in is checked by the contract. */
export function providerTypeOf(provider: Provider): ProviderType {
  return provider.providerType as ProviderType;
}

/** Which Provider is meant, as far as the caller reaches with a permission. */
export function keyOf(scope: Scope, { name, ownerId }: ProviderRef, permission: OwnPermission): ProviderKey {
  if (ownerId !== undefined) requireReach(scope, ownerId, permission);
  if (isId(name)) return { id: name.toLowerCase(), ownerId: ownerId ?? reach(scope, permission) };
  return { name, ownerId: ownerId ?? scope.caller.accountId };
}

/** Which of an owner's Providers is meant by its name or its id. */
export function keyAmong(ownerId: string, name: string): ProviderKey {
  return isId(name) ? { id: name.toLowerCase(), ownerId } : { name, ownerId };
}

/** Names the version of a Provider that a change was made from. */
export function etagOf(provider: Provider): string {
  return `r${provider.revision}`;
}

/** Refuses a change of something newer than the caller knows; an empty etag is any. */
export function requireEtag(provider: Provider, etag: string): void {
  if (etag === "" || etag === etagOf(provider)) return;
  const message = `provider ${provider.name} has changed since ${etag}; get it again and repeat the change`;
  throw new Fault("ETAG_MISMATCH", message, { metadata: { providerId: provider.id, etag: etagOf(provider) } });
}

/** Missing and not to be seen are the same. */
export function providerNotFound(name: string): Fault {
  return new Fault("PROVIDER_NOT_FOUND", `there is no provider ${JSON.stringify(name)}`);
}

/** A name that looks like an id is one. */
function isId(name: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(name);
}
