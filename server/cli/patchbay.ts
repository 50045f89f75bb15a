#!/usr/bin/env node
import { addCompletion } from "../../client/cli/completion.ts";
import { createProgram, runProgram } from "../../client/cli/program.ts";
import packageJson from "../../package.json" with { type: "json" };
import { addOperatorCommands } from "./operator-commands.ts";

const program = createProgram(packageJson.version);
addOperatorCommands(program);
addCompletion(program);

const [, , ...words] = process.argv;
process.exitCode = await runProgram(program, words.length === 0 ? ["serve"] : words);
