/** What a secret is sealed to: it opens nowhere else. */
export interface Place {
  /** Which column, such as `llm.credentials`; one of SEALED_COLUMNS. */
  readonly column: string;
  readonly ownerId: string;
  readonly rowId: string;
  /** How many secrets the row has had: an old one does not open in place of a new one. */
  readonly version: number;
  /** Where the secret may be sent. */
  readonly endpoint: string;
}

/** A place as `seal` and `open` take it. */
export function bindingOf({ column, ownerId, rowId, version, endpoint }: Place): string[] {
  return [column, ownerId, rowId, String(version), endpoint];
}
