import { serveByWords } from "./cli/serve.ts";

await serveByWords(process.argv.slice(2));
