import type { Canary, Form } from "./canaries.ts";

/** Something that a run has left behind, such as a log or a file. */
export interface Place {
  readonly name: string;
  readonly bytes: Buffer;
}

/** A canary that was found. */
export interface Hit {
  readonly canary: string;
  readonly form: string;
  readonly place: string;
}

/** What a scan has found. */
export interface Findings {
  /** Where it must not be. */
  readonly hits: readonly Hit[];
  /** Where it is by design. */
  readonly byDesign: readonly Hit[];
}

/** Looks for every form of every canary in every place. */
export function scan(canaries: readonly Canary[], places: readonly Place[]): Findings {
  const hits: Hit[] = [];
  const byDesign: Hit[] = [];
  for (const { name: place, bytes } of places) {
    for (const canary of canaries) {
      for (const form of canary.forms.filter((form) => bytes.includes(form.bytes))) {
        const hit = { canary: canary.name, form: form.name, place };
        (isByDesign(canary, form, place) ? byDesign : hits).push(hit);
      }
    }
  }
  return { hits, byDesign };
}

function isByDesign({ exceptions }: Canary, form: Form, place: string): boolean {
  return exceptions.some((exception) => exception.form.test(form.name) && place.startsWith(exception.place));
}
