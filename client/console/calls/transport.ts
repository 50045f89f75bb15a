import type { Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { noteCall } from "./call-log.ts";
import { problemOf } from "./problem.ts";
import { currentSession, signOut } from "./session.ts";

/** Where this page came from, with the path that a proxy has put in front. */
export const serverUrl = new URL(".", location.href.replace(/[?#].*/, "")).href.replace(/\/$/, "");

const authorize: Interceptor = (next) => async (request) => {
  // Somebody who is about to sign in brings their own.
  if (request.header.has("authorization")) return next(request);
  const bearer = currentSession()?.bearer;
  if (bearer !== undefined) request.header.set("authorization", `Bearer ${bearer}`);
  try {
    return await next(request);
  } catch (error) {
    const problem = problemOf(error);
    if (problem.isUnauthenticated && bearer !== undefined && bearer === currentSession()?.bearer) {
      signOut(problem.message);
    }
    throw error;
  }
};

const note: Interceptor = (next) => async (request) => {
  if (!request.stream) {
    const end = noteCall(request.method, request.message);
    try {
      const response = await next(request);
      end();
      return response;
    } catch (error) {
      end(error);
      throw error;
    }
  }
  const [message] = await Array.fromAsync(request.message);
  if (!message) throw new Error("a stream needs a request");
  const end = noteCall(request.method, message);
  try {
    const response = await next({ ...request, message: once(message) });
    if (!response.stream) return response;
    return { ...response, message: told(response.message, end) };
  } catch (error) {
    end(error);
    throw error;
  }
};

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}

/** The messages, with a word at their end; whoever stops reading ends them too. */
async function* told<T>(messages: AsyncIterable<T>, end: (error?: unknown) => void): AsyncGenerator<T> {
  let failure: unknown;
  try {
    yield* messages;
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    end(failure);
  }
}

export const transport = createConnectTransport({ baseUrl: serverUrl, interceptors: [note, authorize] });
