import { type EntityManager, LockMode } from "@mikro-orm/postgresql";
import { type AllowedNames, addAllowed } from "../../limits/allowed.ts";
import { Route } from "../../schema/route.entity.ts";
import { Conditions, keysetOf } from "../../sql/conditions.ts";
import type { RowReader } from "../../sql/rows.ts";

/** Which routes a list is about; an undefined filter does not filter. */
export interface RouteFilter {
  readonly ownerId: string | undefined;
  /** Those that lead to an Llm. */
  readonly llmId: string | undefined;
  /** Those that these names stand for; empty for all. */
  readonly allowed?: readonly AllowedNames[];
}

const CREATED = keysetOf("route", { column: "created_at", type: "timestamptz" }, false);

/** A route, if it is that owner's or the owner is left open. */
export async function findRoute(
  rows: RowReader,
  id: string,
  ownerId: string | undefined,
): Promise<Readonly<Route> | undefined> {
  const [route] = await findRoutes(rows, [id], ownerId);
  return route;
}

/** Those of some routes that there are, of one owner or of all. */
export function findRoutes(rows: RowReader, ids: readonly string[], ownerId: string | undefined) {
  const text = "where route.id = any($1::uuid[]) and ($2::uuid is null or route.owner_id = $2)";
  return rows.select(Route, { text, values: [ids, ownerId] });
}

/** A route, locked until the transaction ends: of two writers, the second sees what the first wrote. */
export function lockRoute(em: EntityManager, id: string, ownerId: string | undefined): Promise<Route | null> {
  const where = { id, ...(ownerId === undefined ? {} : { owner: ownerId }) };
  return em.findOne(Route, where, { lockMode: LockMode.PESSIMISTIC_WRITE });
}

/** Routes in the order in which they were made, behind one of them. */
export function listRoutes(
  rows: RowReader,
  { ownerId, llmId, allowed }: RouteFilter,
  after: readonly string[] | undefined,
  limit: number,
): Promise<Readonly<Route>[]> {
  const where = new Conditions();
  if (ownerId !== undefined) where.add("route.owner_id = ?", ownerId);
  if (llmId !== undefined) where.add("route.tiers @> ?::jsonb", JSON.stringify([{ targets: [{ llmId }] }]));
  addAllowed(where, "route", allowed);
  if (after) where.add(CREATED.behind, ...after);
  const text = `where ${where.text} ${CREATED.order} limit ${limit}`;
  return rows.select(Route, { text, values: where.values });
}

/** The routes of an owner, and that some names stand for if they are given, the oldest first, up to a limit. */
export function listNamedRoutes(
  rows: RowReader,
  ownerId: string,
  limit: number,
  allowed: readonly AllowedNames[] = [],
): Promise<Readonly<Route>[]> {
  return listRoutes(rows, { ownerId, llmId: undefined, allowed }, undefined, limit);
}
