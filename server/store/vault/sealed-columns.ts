/** Where sealed secrets are: what rotates, verifies or counts them goes through this list and knows no table. */
export interface SealedColumn {
  /** The `column` of its places; more than one when secrets are moved from one to the other as they are. */
  readonly name: string;
  readonly table: string;
  readonly id: string;
  /** This and the version may be SQL expressions too, over the columns of the row. */
  readonly owner: string;
  /** Holds the SealedSecret; its name begins with `sealed_`, by which a test finds those that are missing here. */
  readonly sealed: string;
  /** The `version` of its places, as an SQL expression over the row. */
  readonly version: string;
  /** The `endpoint` of its places, as an SQL expression over the row, which is called `sealed_row`. */
  readonly endpoint: string;
  /** A condition over the row that holds when there must be a secret: one that is lost is found by it. */
  readonly expected: string;
}

/** Every column with sealed secrets. The vault seals for no other. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  {
    name: "provider.credentials",
    table: "provider",
    id: "id",
    owner: "owner_id",
    sealed: "sealed_credentials",
    version: "credentials_version",
    endpoint: "sealed_row.endpoint_url",
    expected: "sealed_row.has_credentials",
  },
  {
    name: "llm.credentials",
    table: "llm",
    id: "id",
    owner: "owner_id",
    sealed: "sealed_credentials",
    version: "credentials_version",
    endpoint: "sealed_row.endpoint_url || sealed_row.api_path",
    expected: "sealed_row.has_credentials",
  },
  // Sealed as those that are used: they become these, and the other way round, without being opened.
  {
    name: "llm.credentials",
    table: "llm",
    id: "id",
    owner: "owner_id",
    sealed: "sealed_pending_credentials",
    version: "(pending_credentials ->> 'version')::int",
    endpoint: "sealed_row.endpoint_url || sealed_row.api_path",
    expected: "sealed_row.pending_credentials is not null",
  },
  {
    name: "llm.credentials",
    table: "llm",
    id: "id",
    owner: "owner_id",
    sealed: "sealed_previous_credentials",
    version: "(previous_credentials ->> 'version')::int",
    endpoint: "sealed_row.endpoint_url || sealed_row.api_path",
    expected: "sealed_row.previous_credentials is not null",
  },
  { ...ofTurns("turn.messages", "sealed_messages"), expected: "true" },
  { ...ofTurns("turn.reply", "sealed_reply"), expected: "sealed_row.state = 'COMPLETED'" },
];

/** What is said in a turn is its account's, bound to the session; it is sealed once. */
function ofTurns(name: string, sealed: string) {
  return {
    name,
    table: "turn",
    id: "id",
    owner: "(select session.account_id from session where session.id = session_id)",
    sealed,
    version: "1",
    endpoint: "(select session.name::text from session where session.id = sealed_row.session_id)",
  };
}
