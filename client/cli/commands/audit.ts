import { Command } from "commander";
import { AuditService } from "../../../gen/patchbay/v1/audit_service_pb.ts";
import { namesFrom } from "../calls/field-names.ts";
import { addExamples, invocationOf } from "../invocation.ts";
import { pagesOf, readLimit } from "../resources/pages.ts";
import { date, text } from "../terminal/columns.ts";
import { writeRows } from "../terminal/output.ts";

interface AuditFlags {
  readonly account?: string;
  readonly resource?: string;
  readonly type?: string;
  readonly action?: string;
  readonly limit?: string;
  readonly after?: string;
}

const OPTIONS = namesFrom({
  accountId: "--account",
  resourceType: "--type",
  resourceId: "--resource",
  action: "--action",
  after: "--after",
});

const COLUMNS = [
  date("AT", "at"),
  text("ACTION", "action"),
  text("RESOURCE", "resourceId"),
  text("BY KEY", "actorApiKeyId"),
  text("BY PERSON", "actorSubject"),
  text("FACTS", "facts"),
];

/** `patchbay audit`: who did what. */
export function auditCommand(): Command {
  const command = new Command("audit").description("who did what, to what, and when").helpGroup("Resources:");
  command.addCommand(listEvents());
  command.addCommand(exportEvents());
  return command;
}

function listEvents(): Command {
  const command = new Command("list").alias("ls").description("list events, the newest first");
  command
    .option("--type <type>", "only of resources of this type, such as llm")
    .option("--resource <id>", "only of this one")
    .option("--action <action>", "only of this kind, such as llm.create")
    .option("--account <account>", "of another account")
    .option("--limit <count>", "no more than so many", "100");
  const examples = ["patchbay audit list --action llm.create", "patchbay audit list --limit 20 -o json"];
  return addExamples(command, examples).action(async (flags: AuditFlags) => {
    const { connect, terminal, format } = invocationOf(command);
    const connection = await connect(OPTIONS);
    const { type = "", resource = "", action = "", account = "" } = flags;
    const filter = { resourceType: type, resourceId: resource, action, accountId: account };
    const noun = { list: AuditService.method.listAuditEvents, items: "auditEvents" };
    const pages = pagesOf(connection, noun, filter, readLimit(flags.limit));
    await writeRows(terminal, pages, { format, columns: COLUMNS, id: "sequence" });
  });
}

function exportEvents(): Command {
  const command = new Command("export").description("write all events as lines of JSON, for another system");
  command
    .option("--account <account>", "of another account")
    .option("--after <sequence>", "those behind this one, which was the last of an export before", "0");
  return addExamples(command, ["patchbay audit export > audit.jsonl"]).action(async (flags: AuditFlags) => {
    const { connect, terminal } = invocationOf(command);
    const connection = await connect(OPTIONS);
    const input = { accountId: flags.account ?? "", after: flags.after ?? "0" };
    for await (const event of connection.stream(AuditService.method.exportAuditEvents, input)) {
      terminal.writeData(`${JSON.stringify(event)}\n`);
    }
  });
}
