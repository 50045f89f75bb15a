/** A model that costs next to nothing: every byte of its replies is made before the first request. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { chunk, completion, ending, MODELS, type Model, tokenOf } from "./replies.ts";

interface Script {
  readonly whole: Buffer;
  /** The first token comes with the chunk that says who speaks, as OpenAI's does within a millisecond. */
  readonly chunks: readonly Buffer[];
  readonly ending: Buffer;
  readonly paceMs: number;
}

const scripts = new Map(
  Object.entries(MODELS).map(([model, { tokens, paceMs }]): [string, Script] => [
    model,
    {
      whole: Buffer.from(completion(model)),
      chunks: Array.from({ length: tokens }, (_, index) =>
        Buffer.from(
          (index === 0 ? chunk(model, { role: "assistant", content: "" }) : "") +
            chunk(model, { content: tokenOf(index) }),
        ),
      ),
      ending: Buffer.from(ending(model)),
      paceMs,
    },
  ]),
);

const server = createServer({ keepAliveTimeout: 300_000 }, (request, response) => {
  let text = "";
  request.setEncoding("latin1").on("data", (piece) => {
    text += piece;
  });
  request.once("end", () => {
    const [, model = ""] = /"model": ?"([^"]+)"/.exec(text) ?? [];
    const script = scripts.get(model as Model);
    if (!script) response.writeHead(404).end(`{"error": {"message": "no model ${model}"}}`);
    else if (/"stream": ?true/.test(text)) stream(script, response);
    else {
      response
        .writeHead(200, { "content-type": "application/json", "content-length": script.whole.length })
        .end(script.whole);
    }
  });
});

function stream({ chunks, ending, paceMs }: Script, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
  if (paceMs === 0) {
    for (const piece of chunks) response.write(piece);
    response.end(ending);
    return;
  }
  let next = 1;
  response.write(chunks[0]);
  const timer = setInterval(() => {
    const piece = chunks[next++];
    if (piece) response.write(piece);
    else response.end(ending);
  }, paceMs);
  response.once("close", () => clearInterval(timer));
}

server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`listens on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
