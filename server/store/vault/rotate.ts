import type { Changed, Rotation } from "./rotation.ts";

/** What a rotation did. */
export interface Rotated {
  /** Whether it finished an earlier one, and began none of its own. */
  readonly isResumed: boolean;
  /** Undefined: no key was added. */
  readonly newKeyId: string | undefined;
  readonly newDataKeys: number;
  readonly rewrapped: Changed;
  readonly resealed: Changed;
}

/**
 * Finishes what an earlier rotation left, or what a new first key or version asks for. If there was nothing of that, it
 * adds a key by `addKey`, where keys can be added, and wraps the data keys with it.
 */
export async function rotate(
  rotation: Rotation,
  { addKey, dataKeys }: { addKey: (() => Promise<string>) | undefined; dataKeys: boolean },
): Promise<Rotated> {
  let rewrapped = await rotation.rewrapDataKeys();
  let resealed = await rotation.resealSecrets();
  const isResumed = rewrapped.changed + resealed.changed > 0;
  const newKeyId = isResumed ? undefined : await addKey?.();
  if (newKeyId !== undefined) rewrapped = await rotation.rewrapDataKeys();
  const newDataKeys = dataKeys && resealed.changed === 0 ? await rotation.supersedeDataKeys() : 0;
  if (newDataKeys > 0) resealed = await rotation.resealSecrets();
  return { isResumed, newKeyId, newDataKeys, rewrapped, resealed };
}
