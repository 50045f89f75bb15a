/** How the messages of a stream are told apart on the way. */
export interface Framing {
  readonly contentType: string;
  readonly message: (json: string) => string;
  readonly failure: (json: string) => string;
  /** Says that the stream is complete, where the end of the body alone would not. */
  readonly end: string;
}

/** Newline-delimited JSON: a message, or the error that ended the stream, on each line. */
export const NDJSON: Framing = {
  contentType: "application/x-ndjson",
  message: (json) => `${json}\n`,
  failure: (json) => `${json}\n`,
  end: "",
};

/**
 * Server-sent events: `message` for each message, then `end` or `error`. A browser's EventSource connects again when the
 * body ends; its script is to close it on either of the last two.
 */
export const SERVER_SENT_EVENTS: Framing = {
  contentType: "text/event-stream",
  message: (json) => `data: ${json}\n\n`,
  failure: (json) => `event: error\ndata: ${json}\n\n`,
  end: "event: end\ndata: {}\n\n",
};

/** The framing for what a caller accepts; NDJSON unless the caller asks for events. */
export function negotiateFraming(accept: string | undefined): Framing {
  const types = accept?.toLowerCase().split(",") ?? [];
  const wantsEvents = types.some((type) => type.split(";")[0]?.trim() === SERVER_SENT_EVENTS.contentType);
  return wantsEvents ? SERVER_SENT_EVENTS : NDJSON;
}
