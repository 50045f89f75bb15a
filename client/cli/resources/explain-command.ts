import type { JsonObject } from "@bufbuild/protobuf";
import { Command } from "commander";
import { RouteService } from "../../../gen/patchbay/v1/route_service_pb.ts";
import { EXIT } from "../failure.ts";
import { addExamples, invocationOf } from "../invocation.ts";
import { type Column, text } from "../terminal/columns.ts";
import { writeRows, writeValue } from "../terminal/output.ts";
import { withLlmNames } from "./llm-names.ts";
import { resolve } from "./noun-inputs.ts";
import { routes } from "./route-noun.ts";

const COLUMNS: readonly Column[] = [
  { ...text("TIER", "tier"), isNumber: true },
  text("LLM", "llmId"),
  { ...text("WEIGHT", "weight"), isNumber: true },
  text("STANDING", "standing"),
  { ...text("UNDER WAY", "callsUnderWay"), isNumber: true },
  text("WHY", "why"),
];

/** `routes explain`: where a chat would go now, and why not to each other Llm. */
export function explainCommand(): Command {
  const command = new Command("explain").description("say which Llm a chat would go to now, and why not to each other");
  command.argument("<route>");
  const examples = ["patchbay routes explain team", "patchbay routes explain team -o json"];
  return addExamples(command, examples).action(async (word: string) => {
    const { connect, terminal, format } = invocationOf(command);
    const connection = await connect();
    const routeId = await resolve(connection, routes, word);
    const answer = await connection.call(RouteService.method.explainRoute, { routeId });
    if (answer.llmId === "") process.exitCode = EXIT.negative;
    if (format === "name") return terminal.writeData(answer.llmId === "" ? "" : `${answer.llmId}\n`);
    if (format !== "table") return writeValue(terminal, answer, format);
    const targets = withLlmNames(connection, onePage(answer.targets as JsonObject[]));
    await writeRows(terminal, targets, { format, columns: COLUMNS, id: "llmId" });
    if (answer.llmId === "") terminal.note("A chat would go to none of them now.");
  });
}

async function* onePage(rows: readonly JsonObject[]): AsyncGenerator<readonly JsonObject[]> {
  yield rows;
}
