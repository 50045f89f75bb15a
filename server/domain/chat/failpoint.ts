/** The places of a chat where a server may die, as the torture of chats names them. */
export type Failpoint = "before_tx1" | "after_tx1" | "after_first_chunk" | "before_tx2" | "after_commit_before_reply";

/** Told when a chat comes to one. Nothing but a test gives one; what it throws, or never returns from, is its business. */
export type ReachFailpoint = (point: Failpoint) => void;
