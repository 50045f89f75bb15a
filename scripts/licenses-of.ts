import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** What the licenses of the packages ask for whose modules are in a built file: their own words. */
export function licensesOf(root: string, modules: readonly string[]): string {
  const names = modules.flatMap((id) => {
    const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(relative(root, id).replaceAll(sep, "/")) ?? [];
    return name ?? [];
  });
  return [...new Set(names)]
    .sort()
    .map((name) => {
      const folder = join(root, "node_modules", name);
      const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      const file = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
      const words = file ? readFileSync(join(folder, file), "utf8").trim() : "";
      return `${name} ${version} (${license})\n${words}\n`;
    })
    .join("\n\n");
}
