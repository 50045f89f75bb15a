import { type Problem, problemOf } from "../../../client/llm.ts";

/** What a call that must fail failed with. */
export async function problemIn(call: Promise<unknown>): Promise<Problem> {
  try {
    await call;
  } catch (error) {
    return problemOf(error);
  }
  throw new Error("the call succeeded, and should not have");
}
