import { type EntityManager, IsolationLevel } from "@mikro-orm/postgresql";
import { plural } from "../../base/plural.ts";
import { KeyRingError } from "./key-ring.ts";
import type { KeyRingFile } from "./key-ring-file.ts";
import { SEALED_COLUMNS } from "./sealed-columns.ts";
import { countByDataKey } from "./sealed-rows.ts";
import { keyIdOf } from "./sealing.ts";

/** Any number will do, as long as every server takes the same. */
const KEY_RING_LOCK = 5_063_100_005;
const SCANNED_ROWS = 5_000;
const FIRST_ID = "00000000-0000-0000-0000-000000000000";
/** By then every call that picked the data key while it was the newest has stored what it sealed, or has failed. */
const SUPERSEDED_FOR = "1 hour";

/** Adds a key to the file while nobody else changes it. */
export async function addKey(em: EntityManager, keyRing: KeyRingFile): Promise<string> {
  return em.transactional(async (em) => {
    await em.execute("select pg_advisory_xact_lock(?)", [KEY_RING_LOCK]);
    return keyRing.addKey();
  });
}

/**
 * Takes a key out of the file, for ever, unless a data key needs it. The check holds when the file is changed: data keys
 * that are being written are waited for, and those that a server wraps later with the key, not having heard of this,
 * find it retired and are not stored.
 */
export async function retireKey(em: EntityManager, keyRing: KeyRingFile, id: string): Promise<void> {
  const names = keyRing.keys.map((key) => key.id);
  if (!names.includes(id)) {
    throw new KeyRingError(`There is no key ${id} in ${keyRing.file}. It has: ${names.join(", ")}.`);
  }
  if ((await keyRing.activeKeyId()) === id) {
    throw new KeyRingError(`${id} is the key that wraps new data keys. Make another one first: keys rotate`);
  }
  await em.transactional(async (em) => {
    await em.execute("select pg_advisory_xact_lock(?)", [KEY_RING_LOCK]);
    await em.execute("lock table wrapped_key in share mode");
    const users = await countUsers(em, id);
    if (users > 0) {
      throw new KeyRingError(
        `${id} is still needed by ${plural(users, "data key")}. Wrap them with another key first: keys rotate`,
      );
    }
    await em.execute("insert into retired_key (id, retired_at) values (?, now()) on conflict do nothing", [id]);
    await keyRing.removeKey(id);
  });
}

/**
 * Deletes superseded data keys that seal nothing any more; answers with how many. All columns are counted in one snapshot,
 * because a secret can move from one to another, and would be in neither if each were counted at its own time.
 */
export async function deleteUnusedDataKeys(em: EntityManager): Promise<number> {
  const superseded = await em.execute<{ id: string }[]>(
    `select id from wrapped_key where superseded_at < now() - interval '${SUPERSEDED_FOR}'`,
  );
  const used = new Set<string>();
  await em.transactional(
    async (em) => {
      for (const column of SEALED_COLUMNS) {
        for (const id of (await countByDataKey(em, column)).keys()) used.add(id);
      }
    },
    { isolationLevel: IsolationLevel.REPEATABLE_READ, readOnly: true },
  );
  const unused = superseded.map(({ id }) => id).filter((id) => !used.has(id));
  await em.execute("delete from wrapped_key where id::text in (select jsonb_array_elements_text(?::jsonb))", [
    JSON.stringify(unused),
  ]);
  return unused.length;
}

/** By what the data keys themselves name, and by what is noted of them. */
async function countUsers(em: EntityManager, keyId: string): Promise<number> {
  let users = 0;
  for (let after = FIRST_ID; ; ) {
    const rows = await em.execute<{ id: string; wrapped_by: string; wrapped: Record<string, string> }[]>(
      `select id, wrapped_by, wrapped from wrapped_key where id > ? order by id limit ${SCANNED_ROWS}`,
      [after],
    );
    users += rows.filter(({ wrapped_by: noted, wrapped }) => noted === keyId || keyIdOf(wrapped) === keyId).length;
    const last = rows.at(-1)?.id;
    if (last === undefined) return users;
    after = last;
  }
}
