import { StartError } from "../../base/start-error.ts";

/** Why a port cannot be opened, or a certificate not be used: the message names the setting and says what to do. */
export class ListenError extends StartError {
  override readonly name = "ListenError";
}
