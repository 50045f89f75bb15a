import type { KeySource } from "../base/key-source.ts";
import { plural } from "../base/plural.ts";
import type { DataKeyUse, KeysStatus, Verified } from "../store/vault/inspection.ts";
import { KeyRing } from "../store/vault/key-ring.ts";
import { KeyRingFile } from "../store/vault/key-ring-file.ts";
import type { Rotated } from "../store/vault/rotation.ts";

const MAX_LINES = 20;

export function reportStatus(status: KeysStatus, provider: KeySource, showAll: boolean): string {
  const { activeKeyId, wrapping, dataKeys, orphans } = status;
  const known = ringKeysOf(provider);
  const names = new Set([activeKeyId, ...(known ?? []), ...wrapping.keys()]);
  const lines = [`Keys of ${provider.name}:`];
  for (const name of names) {
    const count = wrapping.get(name) ?? 0;
    const remark = remarkOn(name, count, activeKeyId, known);
    lines.push(`  ${name}  wraps ${plural(count, "data key")}${remark && `  (${remark})`}`);
  }
  const secrets = dataKeys.reduce((sum, { secrets }) => sum + secrets, 0);
  lines.push("", `${plural(dataKeys.length, "data key")}, sealing ${plural(secrets, "secret")}:`);
  const shown = showAll ? dataKeys : dataKeys.slice(0, MAX_LINES);
  for (const dataKey of shown) lines.push(`  ${describeDataKey(dataKey)}`);
  if (shown.length < dataKeys.length) lines.push(`  … and ${dataKeys.length - shown.length} more; --all shows them`);
  const missing = known ? dataKeys.filter(({ wrappedBy }) => !known.includes(wrappedBy)) : [];
  if (missing.length + orphans > 0) {
    lines.push("", "Cannot be opened:");
    const cut = missing.reduce((sum, { secrets }) => sum + secrets, 0);
    if (missing.length > 0) {
      lines.push(
        `  ${plural(missing.length, "data key")} with ${plural(cut, "secret")}, whose key is not in the key ring`,
      );
    }
    if (orphans > 0) lines.push(`  ${plural(orphans, "secret")}, whose data key is not in the database`);
  }
  return `${lines.join("\n")}\n`;
}

export function reportRotation(rotated: Rotated, provider: KeySource): { text: string; exitCode: number } {
  const { isResumed, newKeyId, newDataKeys, rewrapped, resealed } = rotated;
  const lines: string[] = [];
  if (newKeyId !== undefined) {
    lines.push(`${newKeyId} is the new key in ${provider.name}. Keep a copy of it where you keep the others.`);
  }
  if (isResumed) lines.push("Data keys or secrets still used older keys; they were changed, and no new key was made.");
  if (newDataKeys > 0) lines.push(`${plural(newDataKeys, "new data key")}.`);
  lines.push(`${plural(rewrapped.changed, "data key")} re-wrapped, ${plural(resealed.changed, "secret")} re-sealed.`);
  if (isResumed) lines.push("For a new key now: patchbay keys rotate");
  const isIdle = !isResumed && newKeyId === undefined && newDataKeys === 0;
  if (isIdle) {
    const how =
      provider instanceof KeyRing
        ? "Add a key before the others in KEYRING (patchbay keys generate)"
        : "Make a new version of the key in HashiCorp Vault (vault write -f transit/keys/NAME/rotate)";
    lines.push(`Everything is under the newest key already. ${how}, and rotate again.`);
  }
  const unreadable = [...rewrapped.unreadable, ...resealed.unreadable];
  if (unreadable.length > 0) {
    lines.push(`${unreadable.length} did not open and are as they were; patchbay keys verify lists them.`);
  }
  return { text: `${lines.join("\n")}\n`, exitCode: unreadable.length > 0 || isIdle ? 1 : 0 };
}

export function reportVerification(verified: Verified): { text: string; exitCode: number } {
  const { dataKeys, secrets, counted, defects } = verified;
  const lines = defects.map(({ what, id, why }) => `${what} ${id} ${why}`);
  const isComplete = counted.dataKeys === dataKeys && counted.secrets === secrets;
  if (!isComplete) {
    lines.push(
      `Only ${dataKeys} of ${counted.dataKeys} data keys and ${secrets} of ${counted.secrets} secrets were read.`,
    );
  }
  const isGood = isComplete && defects.length === 0;
  const verdict = isGood ? "all of them open" : `${plural(defects.length, "defect")}, listed above`;
  lines.push(`${plural(dataKeys, "data key")} and ${plural(secrets, "secret")}: ${verdict}.`);
  return { text: `${lines.join("\n")}\n`, exitCode: isGood ? 0 : 1 };
}

function remarkOn(name: string, count: number, activeKeyId: string, known: readonly string[] | undefined): string {
  if (name === activeKeyId) return "active";
  if (known && !known.includes(name)) return "not in the key ring";
  if (known && count === 0) return `wraps nothing; if it is an old one: patchbay keys retire ${name}`;
  return count > 0 ? "older; patchbay keys rotate wraps them with the active one" : "";
}

function describeDataKey({ id, holder, wrappedBy, isSuperseded, encryptions, secrets }: DataKeyUse): string {
  const remarks = [`under ${wrappedBy}`, `at most ${encryptions} encryptions`, ...(isSuperseded ? ["superseded"] : [])];
  return `${id}  of ${holder}  ${plural(secrets, "secret")}  (${remarks.join(", ")})`;
}

/** Undefined where the keys cannot be listed. */
function ringKeysOf(provider: KeySource): string[] | undefined {
  return provider instanceof KeyRing || provider instanceof KeyRingFile ? provider.keys.map(({ id }) => id) : undefined;
}
