import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import { JsonTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";

export interface OtlpExporterOptions {
  /**
   * Posts a body of JSON to the collector and answers with the HTTP status. OpenTelemetry's own exporters would open
   * connections of theirs; ours all go through the egress module.
   */
  readonly send: (body: string) => Promise<number>;
  /** Told when spans begin to be lost, and, with undefined, when they arrive again; not of each batch in between. */
  readonly onChange: (problem: Error | undefined) => void;
}

const decoder = new TextDecoder();

/** Sends spans as OTLP over HTTP, in JSON. A batch that does not arrive is lost: calls matter more than their traces. */
export class OtlpExporter implements SpanExporter {
  readonly #options: OtlpExporterOptions;
  readonly #underWay = new Set<Promise<void>>();
  #isWorking = true;

  constructor(options: OtlpExporterOptions) {
    this.#options = options;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    const sending = this.#send(spans).then((problem) => {
      this.#underWay.delete(sending);
      this.#note(problem);
      done({ code: problem ? ExportResultCode.FAILED : ExportResultCode.SUCCESS });
    });
    this.#underWay.add(sending);
  }

  async forceFlush(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  shutdown(): Promise<void> {
    return this.forceFlush();
  }

  async #send(spans: ReadableSpan[]): Promise<Error | undefined> {
    try {
      const status = await this.#options.send(decoder.decode(JsonTraceSerializer.serializeRequest(spans)));
      return status < 300 ? undefined : new Error(`the collector answered with HTTP status ${status}`);
    } catch (error) {
      return error as Error;
    }
  }

  #note(problem: Error | undefined): void {
    if (this.#isWorking === (problem === undefined)) return;
    this.#isWorking = problem === undefined;
    this.#options.onChange(problem);
  }
}
