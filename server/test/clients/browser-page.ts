/** What the page of chromium.test.ts loads: the client as a web application has it, and what a test has it do. */
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { createPatchbay, type PatchbayOptions, type Problem, problemOf } from "../../../client/llm.ts";
import type { LlmRequest } from "../service/llm-requests.ts";

/** How the page calls; plain data, as it comes from outside of the browser. */
export interface Target {
  readonly url: string;
  readonly apiKey: string;
  readonly protocol: "Connect" | "gRPC-Web";
}

/** A call that came to its end, well or not. */
type Outcome<T> = { readonly value: T; readonly problem?: undefined } | { readonly problem: Problem };

/** An Llm that was created, and the id of the call, as far as the script may see it. */
interface Created {
  readonly llmId: string;
  readonly requestId: string;
}

/** A word, and when it was put into the page, by the page's clock. */
interface Word {
  readonly text: string;
  readonly at: number;
}

const page = {
  createLlm(target: Target, request: LlmRequest): Promise<Outcome<Created>> {
    return outcomeOf(async () => {
      let requestId = "";
      const onHeader = (headers: Headers) => {
        requestId = headers.get("x-request-id") ?? "";
      };
      const { llm } = await open(target).llms.createLlm(request, { onHeader });
      return { llmId: llm?.llmId ?? "", requestId };
    });
  },

  /** Shows the reply as it comes; answers when it is complete. */
  streamChat(target: Target, llmId: string): Promise<Outcome<Word[]>> {
    return outcomeOf(async () => {
      const words: Word[] = [];
      document.body.textContent = "";
      for await (const { event } of open(target).chat.streamChat({ llmId, message: "Hi" })) {
        if (event.case !== "textDelta") continue;
        document.body.append(event.value);
        words.push({ text: event.value, at: performance.now() });
      }
      return words;
    });
  },

  /** Leaves a chat after its first word. */
  leaveChat(target: Target, llmId: string): Promise<Outcome<void>> {
    const leaving = new AbortController();
    return outcomeOf(async () => {
      const { signal } = leaving;
      for await (const { event } of open(target).chat.streamChat({ llmId, message: "Hi" }, { signal })) {
        if (event.case === "textDelta") leaving.abort();
      }
    });
  },

  /** What a script can see of an answer of REST. */
  async fetchJson({ url, apiKey }: Target, path: string, body?: object) {
    const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
    const init = body ? { method: "POST", body: JSON.stringify(body) } : {};
    const response = await fetch(url + path, { headers, ...init });
    return { status: response.status, headers: Object.fromEntries(response.headers), json: await response.json() };
  },
};

/** What tests call in the page. */
export type Page = typeof page;

Object.assign(globalThis, { page });

function open({ url, apiKey, protocol }: Target) {
  const transport: Pick<PatchbayOptions, "transport"> =
    protocol === "gRPC-Web" ? { transport: createGrpcWebTransport } : {};
  return createPatchbay({ url, apiKey, ...transport });
}

async function outcomeOf<T>(call: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await call() };
  } catch (error) {
    return { problem: problemOf(error) };
  }
}
