import { SETTINGS } from "./settings.ts";

/** Each setting with its default, as `--help` shows them. */
export function settingsHelp(): string {
  const width = Math.max(...SETTINGS.map(({ name }) => name.length)) + 2;
  const lines = SETTINGS.flatMap(({ name, fallback, help }) => [
    `  ${name.padEnd(width)}${help}`,
    `  ${"".padEnd(width)}Default: ${fallback || "none"}`,
  ]);
  return `Settings, all optional, from the environment:
${lines.join("\n")}
`;
}

/** What `--help` prints. */
export function helpText(): string {
  return `Patchbay keeps your team's LLM connections and serves them over gRPC, gRPC-Web, Connect and REST on one port.

Usage:
  npm start                                       start the server
  npm start -- --help                             show this
  npm start -- --version                          show the version
  npm start -- --port 9000                        the same as PORT=9000; --host and --data-dir are options, too
  npm start -- --new-api-key                      print a fresh key for BOOTSTRAP_API_KEY
  npm run new-key                                 make another ADMIN key, for those who lost theirs
  PORT=9000 EGRESS_ALLOW=http://localhost:11434 npm start

${settingsHelp()}`;
}

/** docs/settings.md, in Markdown. */
export function settingsPage(): string {
  const rows = SETTINGS.map(({ name, fallback, help }) => {
    return `| \`${name}\` | ${fallback && `\`${fallback}\``} | ${help.replaceAll("|", "\\|")} |`;
  });
  return `# Settings

All by environment variables, all optional; a value that cannot be used is refused at the start, by a sentence that says
what would be right. \`npm start -- --help\` says the same as this page. \`--port\`, \`--host\` and \`--data-dir\` are options,
too: \`npm start -- --port 9000\`. This page is written by \`npm run docs:settings\`.

| setting | default | meaning |
| --- | --- | --- |
${rows.join("\n")}
`;
}
