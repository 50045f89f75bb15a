import { StartError } from "../../base/fault.ts";
import type { Config } from "../../config/config.ts";
import { misspelledSettings } from "../../config/misspelled.ts";
import { SETTINGS } from "../../config/settings.ts";
import { doubt, type Finding, fine, wrong, wrongAs } from "./finding.ts";

const NAMES = SETTINGS.map(({ name }) => name);

/**
 * The settings, as a server reads them, and all that is wrong with them: a server tells the first only. Undefined where
 * one cannot be used.
 */
export function examineSettings(
  environment: Readonly<NodeJS.ProcessEnv>,
  read: (environment: NodeJS.ProcessEnv) => Config,
): { config: Config | undefined; findings: Finding[] } {
  const left = { ...environment };
  const findings: Finding[] = misspelled(environment);
  for (;;) {
    try {
      const config = read(left);
      const isUsable = findings.every(({ verdict }) => verdict !== "wrong");
      const count = NAMES.filter((name) => environment[name]).length;
      if (!isUsable) return { config: undefined, findings };
      return { config, findings: [fine("settings", `${count} are set, and can be used`), ...findings] };
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      const named = NAMES.filter((name) => left[name] && new RegExp(`\\b${name}\\b`).test(error.message));
      const [first] = named;
      findings.push(first ? wrong(first, error.message) : wrongAs("settings", error));
      if (!first) return { config: undefined, findings };
      // What else is wrong is told without it.
      for (const name of named) delete left[name];
    }
  }
}

/** A variable that is almost a setting's name does nothing. */
function misspelled(environment: Readonly<NodeJS.ProcessEnv>): Finding[] {
  return misspelledSettings(environment).map(({ name, meant }) =>
    doubt(name, `there is no such setting, and there is ${meant}`, `Did you mean ${meant}?`),
  );
}
