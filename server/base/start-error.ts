/** Why a server cannot start, where whoever starts it can mend that: the message is all there is to say. */
export class StartError extends Error {
  override readonly name: string = "StartError";
}
