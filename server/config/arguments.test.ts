import { describe, expect, it } from "vitest";
import { readArguments } from "./arguments.ts";

describe("the words behind npm start", () => {
  it("ask to serve when there are none", () => {
    expect(readArguments([], {})).toEqual({ ask: undefined, settings: {} });
  });

  it("are settings, by names of their own", () => {
    const { settings } = readArguments(["--port", "9000", "--host=::1", "--data-dir", "/x"], {});
    expect(settings).toEqual({ PORT: "9000", HOST: "::1", DATA_DIR: "/x" });
  });

  it.each([
    { words: ["--help"], ask: "help" },
    { words: ["-h"], ask: "help" },
    { words: ["--version"], ask: "version" },
    { words: ["-v"], ask: "version" },
    { words: ["--new-api-key"], ask: "new-api-key" },
  ])("ask for $ask by $words", ({ words, ask }) => expect(readArguments(words, {}).ask).toBe(ask));

  it.each([
    { words: ["--prot", "1"], says: 'There is no option "--prot". Did you mean --port?' },
    { words: ["--log-level=debug"], says: "LOG_LEVEL=… npm start" },
    { words: ["--databaseurl", "x"], says: "DATABASE_URL=… npm start" },
    { words: ["--port"], says: "--port needs a value, such as --port 9000." },
    { words: ["--help=1"], says: "--help takes no value." },
    { words: ["9000"], says: 'There is no command "9000".' },
  ])("are refused by a sentence that helps: $words", ({ words, says }) => {
    expect(() => readArguments(words, {})).toThrow(says);
  });

  it("that npm took for itself are told", () => {
    const env = { npm_lifecycle_event: "start", npm_config_port: "9000" };
    expect(() => readArguments([], env)).toThrow("Write: npm start -- --port 9000 (or set PORT)");
  });
});
