/** Loaded into a server by `--import`: writes each socket that it opens into the file of SOCKET_RECORD, line by line. */
import { appendFileSync } from "node:fs";
import { watchSockets } from "./sockets.ts";

const file = process.env.SOCKET_RECORD;
if (file === undefined) throw new Error("SOCKET_RECORD is not set");
watchSockets((opening) => appendFileSync(file, `${JSON.stringify(opening)}\n`));
