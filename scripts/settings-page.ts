/** Writes docs/settings.md from the settings that the server knows. A test compares them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { settingsPage } from "../server/config/settings-text.ts";

writeFileSync(join(import.meta.dirname, "../docs/settings.md"), settingsPage());
