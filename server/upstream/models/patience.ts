/** How long a reply is waited for; the same whether it is streamed or not. */
export interface Patience {
  /** From sending the call to the first piece of the reply: a queue, a cold model and a long prompt are silent for minutes. */
  readonly firstPieceMs: number;
  /** Between two pieces. */
  readonly betweenPiecesMs: number;
  /** For all of it. */
  readonly wholeMs: number;
}
