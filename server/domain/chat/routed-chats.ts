import type { Route } from "../../store/schema/route.entity.ts";
import type { Scope } from "../call/scope.ts";
import type { ResolvedLlm } from "../llms/targets.ts";
import type { RouteCalls } from "../routes/route-calls.ts";
import type { RouteRun } from "../routes/route-run.ts";
import type { ChatAsk, ChatEvent, Chats, ReplyOrigin } from "./chats.ts";
import { requireServed } from "./served.ts";
import type { Turns } from "./turns.ts";

interface Deps {
  readonly chats: Chats;
  readonly routes: RouteCalls;
  readonly turns: Turns;
}

/** A chat, and the route that it is to take. */
interface Routed {
  readonly ask: ChatAsk;
  readonly route: Readonly<Route>;
  readonly sticky: string | undefined;
}

/** Chats through whatever is named: an Llm, or a route that chooses one. What names an Llm goes to it at once. */
export class RoutedChats {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The whole reply. */
  reply(scope: Scope, ask: ChatAsk): ReturnType<Chats["reply"]> {
    return this.#isDirect(ask) ? this.#deps.chats.reply(scope, ask) : this.#reply(scope, ask);
  }

  /** The reply as it is made. Leaving it closes the connection to the provider. */
  stream(scope: Scope, ask: ChatAsk): AsyncGenerator<ChatEvent> {
    return this.#isDirect(ask) ? this.#deps.chats.stream(scope, ask) : this.#stream(scope, ask);
  }

  #isDirect({ llmId, session, chosen }: ChatAsk): boolean {
    if (chosen) return true;
    return llmId === "" ? !session?.sessionId : this.#deps.routes.isLlm(llmId);
  }

  async #reply(scope: Scope, asked: ChatAsk): ReturnType<Chats["reply"]> {
    const { chats } = this.#deps;
    const routed = await this.#routed(scope, asked);
    if (!("route" in routed)) return chats.reply(scope, routed.ask);
    const run = this.#begin(scope, routed);
    for (;;) {
      const attempt = await this.#next(run, routed.ask);
      try {
        const replied = await chats.reply(scope, attempt);
        return { ...replied, origin: originOf(replied.origin, run) };
      } catch (error) {
        run.failed(error);
      }
    }
  }

  /** What comes before the first piece is held back until that is there: so long, another Llm can take over. */
  async *#stream(scope: Scope, asked: ChatAsk): AsyncGenerator<ChatEvent> {
    const { chats } = this.#deps;
    const routed = await this.#routed(scope, asked);
    if (!("route" in routed)) {
      yield* chats.stream(scope, routed.ask);
      return;
    }
    const run = this.#begin(scope, routed);
    for (;;) {
      const attempt = await this.#next(run, routed.ask);
      const events = chats.stream(scope, attempt);
      const held: ChatEvent[] = [];
      try {
        let next = await events.next();
        for (; !next.done && next.value.type === "start"; next = await events.next()) {
          held.push({ ...next.value, ...originOf(next.value, run) });
        }
        if (!next.done) held.push(next.value);
      } catch (error) {
        run.failed(error);
        continue;
      }
      yield* run.passOn(held, events);
      return;
    }
  }

  #begin(scope: Scope, { ask, route, sticky }: Routed): RouteRun {
    const isServed = ({ llm }: ResolvedLlm) => requireServed(llm, ask.request);
    return this.#deps.routes.begin(scope, { route, operation: "chat", sticky, requireServed: isServed });
  }

  async #next(run: RouteRun, { session, ...ask }: ChatAsk): Promise<ChatAsk> {
    const chosen = await run.next();
    const { routeId, resolved } = chosen;
    return { ...ask, session: session && { ...session, routeId }, llmId: resolved.llm.id, chosen };
  }

  /** A session that names nothing goes on where it is: with its route, or else with its Llm. */
  async #routed(scope: Scope, ask: ChatAsk): Promise<Routed | { readonly ask: ChatAsk }> {
    const { routes, turns } = this.#deps;
    const sessionId = ask.session?.sessionId;
    const session = sessionId ? await turns.sessionOf(scope, sessionId) : undefined;
    const named = ask.llmId || (session?.routeId ?? session?.llmId ?? "");
    const route = await routes.find(scope, named);
    // A route that is gone leaves its sessions with the Llm that they had.
    if (!route) return { ask: { ...ask, llmId: ask.llmId || (session?.llmId ?? "") } };
    return { ask, route, sticky: session?.routeId === route.id ? session.llmId : undefined };
  }
}

function originOf(origin: ReplyOrigin, run: RouteRun): ReplyOrigin {
  return { ...origin, route: { routeId: run.route.id, attempts: [...run.failedBefore] } };
}
