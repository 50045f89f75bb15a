import { styleText } from "node:util";
import { EXIT } from "../../../client/cli/failure.ts";
import { type Config, environment } from "../../config/config.ts";
import { newestMigration } from "../../store/examine-database.ts";
import { examineCertificates } from "./certificates.ts";
import { examineDatabases } from "./database.ts";
import type { Finding } from "./finding.ts";
import { examineKeys } from "./keys.ts";
import { examineClock, examineDataFolder, examinePort } from "./machine.ts";
import { examineNetwork } from "./network.ts";
import { examineSettings } from "./settings.ts";

/** Looks at all that a server needs, and changes none of it; an embedded database is started for it, if it does not run. */
export async function examineSetup(
  environment: Readonly<NodeJS.ProcessEnv>,
  read: (environment: NodeJS.ProcessEnv) => Config,
  now = new Date(),
): Promise<Finding[]> {
  const { config, findings } = examineSettings(environment, read);
  if (!config) return findings;
  const databases = await examineDatabases(config);
  return [
    ...findings,
    ...examineDataFolder(config),
    ...databases.findings,
    ...(await examineKeys(config, databases.isUpToDate)),
    ...(await examinePort(config)),
    ...(await examineCertificates(config, environment.NODE_EXTRA_CA_CERTS, now)),
    ...(await examineNetwork(config, environment)),
    ...examineClock(now, newestMigration()),
  ];
}

const MARKS = { fine: "✓", doubt: "!", wrong: "✗", skipped: "-" } as const;
const STYLES = { fine: "green", doubt: "yellow", wrong: "red", skipped: "dim" } as const;

/** Runs `doctor`; answers with the exit code. */
export async function runDoctor(read: (environment: NodeJS.ProcessEnv) => Config, isJson: boolean): Promise<number> {
  const findings = await examineSetup(environment, read);
  const isWrong = findings.some(({ verdict }) => verdict === "wrong");
  if (isJson) process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
  else process.stdout.write(`${findings.map(lineOf).join("")}\n${closing(findings)}\n`);
  return isWrong ? EXIT.negative : EXIT.done;
}

function lineOf({ about, verdict, found, mend }: Finding): string {
  const mark = styleText(STYLES[verdict], MARKS[verdict], { stream: process.stdout });
  return `${mark} ${about}: ${found}\n${mend ? `    ${mend}\n` : ""}`;
}

function closing(findings: readonly Finding[]): string {
  const count = (verdict: Finding["verdict"]) => findings.filter((finding) => finding.verdict === verdict).length;
  const [wrongs, doubts] = [count("wrong"), count("doubt")];
  if (wrongs > 0) return `${wrongs} to mend before a server works${doubts > 0 ? `, ${doubts} to look at` : ""}.`;
  return doubts > 0 ? `Nothing is wrong; ${doubts} to look at.` : "Nothing is wrong.";
}
