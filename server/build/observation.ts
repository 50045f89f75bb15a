import packageJson from "../../package.json" with { type: "json" };
import type { Store } from "../store/store.ts";
import { OtlpCollector } from "../upstream/otlp-collector.ts";
import type { Metrics } from "../wire/observe/metrics.ts";
import type { Tracer } from "../wire/observe/trace.ts";
import type { Opening } from "./opening.ts";

/** Loaded only when wanted, as is what traces: together they take a tenth of a second to load. */
export async function openMetrics({ config }: Opening, store: Store): Promise<Metrics | undefined> {
  if (!config.metrics) return undefined;
  const { Metrics } = await import("../wire/observe/metrics.ts");
  return new Metrics({ poolState: () => store.poolState(), version: packageJson.version });
}

/** What sends spans to the operator's collector; undefined where none is named. */
export async function openTracer({ config, log, closers }: Opening): Promise<Tracer | undefined> {
  if (!config.otlp) return undefined;
  const { OtelTracer } = await import("../wire/observe/otel/otel-tracer.ts");
  const collector = new OtlpCollector(config.otlp);
  closers.push(() => collector.close());
  const tracer = new OtelTracer({
    serviceName: packageJson.name,
    version: packageJson.version,
    send: (body) => collector.send(body),
    onChange: (problem) => {
      if (problem) log.warn({ err: problem }, "spans do not reach OTEL_EXPORTER_OTLP_ENDPOINT and are lost");
      else log.info({}, "spans reach OTEL_EXPORTER_OTLP_ENDPOINT again");
    },
  });
  closers.push(() => tracer.close());
  return tracer;
}
