import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build } from "rolldown";

/** A web server of another origin, with a page that has the script of browser-page.ts. */
export interface WebOrigin {
  readonly origin: string;
  close(): Promise<void>;
}

/** The script, with all that it imports, as a bundler makes it for browsers. */
export async function bundlePage(): Promise<string> {
  const input = join(import.meta.dirname, "browser-page.ts");
  const { output } = await build({ input, platform: "browser", write: false });
  return output[0].code;
}

export async function serveOrigin(script: string): Promise<WebOrigin> {
  const server = createServer(({ url }, response) => {
    const isScript = url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html; charset=utf-8");
    response.end(
      isScript ? script : `<!doctype html><title>Page</title><script type="module" src="/page.js"></script>`,
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
