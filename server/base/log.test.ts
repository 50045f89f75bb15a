import { spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";

const LOG = JSON.stringify(new URL("./log.ts", import.meta.url).href);

/** What a program that logs has written to standard error until its end, line by line; its reader comes late. */
async function linesOf(program: string, readsAfterMs = 0): Promise<string[]> {
  const script = `const { createLog } = await import(${LOG}); const log = createLog("info"); ${program}`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "inherit", "pipe"],
  });
  await pause(readsAfterMs);
  const pieces: Buffer[] = [];
  for await (const piece of child.stderr) pieces.push(piece);
  return Buffer.concat(pieces).toString("utf8").split("\n").slice(0, -1);
}

/** Lines of 100 characters, of three bytes each. */
const WRITE = `
  const write = (from, to) => {
    for (let line = from; line < to; line++) log.info({ line, text: "\u2713".repeat(100) }, "call");
  };`;

function numbersIn(lines: readonly string[]): number[] {
  return lines.map((line) => JSON.parse(line).line);
}

const upTo = (count: number) => Array.from({ length: count }, (_, line) => line);

describe("the log", () => {
  it("writes a line as JSON, with its time, its level and what is told of an error", async () => {
    const [line = "", ...others] = await linesOf('log.error({ err: new Error("gone"), of: "a" }, "it failed");');
    expect(others).toEqual([]);
    expect(JSON.parse(line)).toEqual({
      level: 50,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      err: { name: "Error", message: "gone", stack: expect.any(String) },
      of: "a",
      msg: "it failed",
    });
  });

  it.each([
    { what: "exits", end: "process.exit(0)" },
    { what: "has nothing left to do", end: "" },
  ])("has all lines in their order when a process $what", async ({ end }) => {
    expect(numbersIn(await linesOf(`${WRITE} write(0, 1000); ${end}`))).toEqual(upTo(1_000));
  });

  it("has what a process logs whose error nobody has caught", async () => {
    const lines = await linesOf(`${WRITE} write(0, 10); throw new Error("nobody has caught this");`);
    expect(lines.some((line) => line.includes("nobody has caught this"))).toBe(true);
    expect(numbersIn(lines.filter((line) => line.startsWith("{")))).toEqual(upTo(10));
  });

  it("has all lines in their order that a slow reader left in the pipe", async () => {
    const turns = `for (let turn = 0; turn < 10; turn++) {
      write(turn * 200, turn * 200 + 200);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }`;
    expect(numbersIn(await linesOf(`${WRITE} ${turns}`, 1_000))).toEqual(upTo(2_000));
  });

  it("has a line within a second while little is logged", async () => {
    const script = `${WRITE} write(0, 1); await new Promise((resolve) => setTimeout(resolve, 1500)); process.kill(process.pid, "SIGKILL");`;
    expect(numbersIn(await linesOf(script))).toEqual([0]);
  });
});
