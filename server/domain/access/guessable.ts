/** As many guesses, as a power of ten, as a random text of 16 characters takes: what is less has words or patterns in it. */
const LEAST_GUESSES = 18;
/** What is behind makes no text easier to guess, and to look at takes longer and longer. */
const LOOKED_AT = 40;

/**
 * Whether a secret can be guessed, by words that are often taken, their repetitions, runs on a keyboard, dates and the like.
 * The words take a moment and memory, so that only those who bring secrets along load them.
 */
export async function isGuessable(secret: string): Promise<boolean> {
  const [{ ZxcvbnFactory }, { dictionary, adjacencyGraphs: graphs }] = await Promise.all([
    import("@zxcvbn-ts/core"),
    import("@zxcvbn-ts/language-common"),
  ]);
  const { guessesLog10 } = new ZxcvbnFactory({ dictionary, graphs }).check(secret.slice(0, LOOKED_AT));
  return guessesLog10 < LEAST_GUESSES;
}
