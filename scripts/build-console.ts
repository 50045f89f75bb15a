/**
 * Builds the console into gen/console, or into the folder that is named: what a server serves at `/`. The same
 * sources and packages give the same bytes, so that the committed files can be proven fresh.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { build, type Plugin } from "rolldown";
import { licensesOf } from "./licenses-of.ts";

const root = join(import.meta.dirname, "..");
const source = join(root, "client/console");
const RULES = join(source, "without-rules.js");
const target = process.argv[2] ?? join(root, "gen/console");

/**
 * The rules of fields are read by the server alone. Their file, as large as all others of the first page together, is there
 * by its name, since others import it.
 */
const withoutRules: Plugin = {
  name: "without-rules",
  resolveId: (id) => (id.startsWith("@bufbuild/protovalidate/") ? RULES : null),
  load(id) {
    if (id !== RULES) return null;
    const file = create(FileDescriptorProtoSchema, { name: "buf/validate/validate.proto", package: "buf.validate" });
    const bytes = Buffer.from(toBinary(FileDescriptorProtoSchema, file)).toString("base64");
    return `import { fileDesc } from "@bufbuild/protobuf/codegenv2";
      export const file_buf_validate_validate = /*@__PURE__*/ fileDesc("${bytes}");`;
  },
};

const { output } = await build({
  input: { app: join(source, "main.tsx") },
  plugins: [withoutRules],
  cwd: root,
  platform: "browser",
  write: false,
  // What libraries say to servers that render pages, which there are none of here.
  onLog: (level, log, next) => log.code === "MODULE_LEVEL_DIRECTIVE" || next(level, log),
  transform: { define: { "process.env.NODE_ENV": '"production"' }, jsx: { runtime: "automatic" } },
  output: {
    format: "esm",
    minify: true,
    entryFileNames: "[name]-[hash].js",
    chunkFileNames: "[name]-[hash].js",
  },
});
const chunks = output.filter((part) => part.type === "chunk");
const entry = chunks.find(({ isEntry }) => isEntry);
if (!entry) throw new Error("the console has no entry");

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const { fileName, code } of chunks) writeFileSync(join(target, fileName), code);

const styles = ["node_modules/uplot/dist/uPlot.min.css", "client/console/style.css"];
const css = styles.map((file) => readFileSync(join(root, file), "utf8")).join("\n");
const styleName = `app-${createHash("sha256").update(css).digest("base64url").slice(0, 8)}.css`;
writeFileSync(join(target, styleName), css);

/** The page with the names of its files; the entry's own imports are asked for in the same round. */
const page = readFileSync(join(source, "index.html"), "utf8")
  .replace("app.css", styleName)
  .replace("app.js", entry.fileName)
  .replace(
    /^.*imports\.js.*\n/m,
    entry.imports.map((name) => `    <link rel="modulepreload" href="./console/${name}" />\n`).join(""),
  );
writeFileSync(join(target, "index.html"), page);
const modules = chunks.flatMap(({ moduleIds }) => moduleIds);
writeFileSync(join(target, "licenses.txt"), licensesOf(root, [...modules, join(root, "node_modules/uplot/")]));
