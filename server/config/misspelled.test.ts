import { describe, expect, it } from "vitest";
import { misspelledSettings } from "./misspelled.ts";

describe("a variable that is almost a setting", () => {
  it.each([
    ["DATABSE_URL", "DATABASE_URL"],
    ["DATABASE_URI", "DATABASE_URL"],
    ["EGRES_ALLOW", "EGRESS_ALLOW"],
    ["ALLOW_EGRESS", "EGRESS_ALLOW"],
    ["egress_allow", "EGRESS_ALLOW"],
    ["PATCHBAY_PORT", "PORT"],
    ["PATCHBAY_DATABASE_URL", "DATABASE_URL"],
    ["PATCHBAY_EGRES_ALLOW", "EGRESS_ALLOW"],
    ["LOG_LEVL", "LOG_LEVEL"],
  ])("is told: %s", (name, meant) => expect(misspelledSettings({ [name]: "x" })).toEqual([{ name, meant }]));

  it.each(
    (
      "PORT DATABASE_URL HOME HOSTNAME PATH PWD port host POST LOGNAME LOG_FILE VAULT_CACERT VAULT_SKIP_VERIFY TLS_CERT " +
      "OTEL_EXPORTER_OTLP_PROTOCOL OTEL_EXPORTER_OTLP_TRACES_ENDPOINT OTEL_SERVICE_NAME PATCHBAY_URL PATCHBAY_KEY " +
      "PATCHBAY_API_KEY DATABASE_NAME DATABASE_HOST PGHOST NODE_ENV npm_config_cache METRICS_PORT constructor __proto__"
    ).split(" "),
  )("is not %s", (name) => expect(misspelledSettings(JSON.parse(`{"${name}": "x"}`))).toEqual([]));
});
