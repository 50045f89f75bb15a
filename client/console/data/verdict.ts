import { useEffect, useRef, useState } from "react";
import { isPassing, type Problem, problemOf } from "../calls/problem.ts";

/** What the server says of a form before it is sent. */
export interface Verdict {
  readonly state: "none" | "asking" | "valid" | "refused" | "unanswered";
  readonly sentence: string;
  readonly fields: Problem["fields"];
  readonly remarks: readonly string[];
}

const NONE: Verdict = { state: "none", sentence: "", fields: [], remarks: [] };
const TYPING_MS = 450;
/** A server that does not answer is asked again, until it does or something else is typed. */
const AGAIN_MS = 2_000;

interface Question<T> {
  /** What the form comes to, or undefined while it is not worth a question. */
  readonly request: T | undefined;
  /** The call that would save, with validate_only; what it is answered with in remarks. */
  readonly ask: (request: T, options: { readonly signal: AbortSignal }) => Promise<readonly string[]>;
  /** Something else is typed than what the server has refused to save. */
  readonly onTyped: () => void;
}

/** Has the server judge a form while somebody types, when their fingers rest. */
export function useVerdict<T>({ request, ask, onTyped }: Question<T>): Verdict {
  const [verdict, setVerdict] = useState(NONE);
  const latest = useRef({ request, ask, onTyped });
  latest.current = { request, ask, onTyped };
  const key = JSON.stringify(request, (_, value) => (typeof value === "bigint" ? String(value) : value));
  useEffect(() => {
    const { request, ask, onTyped } = latest.current;
    onTyped();
    if (key === undefined || request === undefined) return setVerdict(NONE);
    const abort = new AbortController();
    const judge = async () => {
      setVerdict((before) => (before.state === "unanswered" ? before : { ...NONE, state: "asking" }));
      try {
        setVerdict({ ...NONE, state: "valid", remarks: await ask(request, abort) });
      } catch (error) {
        if (abort.signal.aborted) return;
        const problem = problemOf(error);
        const { message: sentence, fields } = problem;
        if (!isPassing(problem)) return setVerdict({ ...NONE, state: "refused", sentence, fields });
        setVerdict({ ...NONE, state: "unanswered", sentence });
        timer = setTimeout(judge, AGAIN_MS);
      }
    };
    let timer = setTimeout(judge, TYPING_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key]);
  return verdict;
}
