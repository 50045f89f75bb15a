import type { DescField, DescMessage } from "@bufbuild/protobuf";

const fieldsByName = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** The fields of a message, by their JSON names and by their proto names. */
export function fieldsOf(desc: DescMessage): ReadonlyMap<string, DescField> {
  let fields = fieldsByName.get(desc);
  if (fields === undefined) {
    fields = new Map(
      desc.fields.flatMap((field) => [
        [field.jsonName, field],
        [field.name, field],
      ]),
    );
    fieldsByName.set(desc, fields);
  }
  return fields;
}

/** A remark for the caller who wrote an unknown name: the fields with the most similar names, if there are any. */
export function didYouMean(desc: DescMessage, name: string): string {
  if (name.length > 64) return "";
  const wanted = simplify(name);
  const similar = desc.fields
    .map((field) => ({ name: field.jsonName, distance: editDistance(wanted, simplify(field.jsonName)) }))
    .filter(({ distance }) => distance <= Math.max(1, Math.min(3, wanted.length / 3)))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => `\`${name}\``);
  return similar.length === 0 ? "" : `, did you mean ${similar.join(" or ")}?`;
}

function simplify(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}

/** The number of letters to insert, to remove, to replace, or to swap with the next one. */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, at(i - 1, j) + 1, at(i, j - 1) + 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) row[j] = Math.min(at(i, j), at(i - 2, j - 2) + 1);
    }
  }
  return at(a.length, b.length);
}
