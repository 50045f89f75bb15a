import { createHash } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { Findings, silentLeaves } from "../findings.ts";
import { readKeyTexts, readLitellmKeys } from "./keys.ts";

const TEXT = "sk-Zx81mQp04LkT7vRbNw3YdA";
const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");
const NAMES = new Map([
  ["gpt", "gpt"],
  ["Team Model", "team-model"],
]);

/** A row as the table has it, with what is said of it. */
const row = (fields: JsonObject): JsonObject => ({
  token: hashOf(TEXT),
  key_name: "sk-...3YdA",
  key_alias: "support bot",
  spend: 1.5,
  models: [],
  rpm_limit: null,
  max_budget: null,
  ...fields,
});

function read(rows: JsonObject[], makesNew = false) {
  const findings = new Findings();
  const keys = readLitellmKeys(
    { dump: { keys: rows, total_count: rows.length }, texts: readKeyTexts(`${TEXT}\n`), makesNew },
    NAMES,
    findings,
  );
  const silent = silentLeaves({ keys: rows, total_count: rows.length }, findings.all);
  return { keys, silent, findings: findings.all };
}

describe("LiteLLM's virtual keys", () => {
  it("go on with their text, with the models, rates and budget that they had", () => {
    const full = row({
      models: ["gpt", "Team Model", "gone"],
      rpm_limit: 60,
      tpm_limit: "100000",
      max_parallel_requests: 4,
      max_budget: 25,
      budget_duration: "30d",
      expires: "2040-01-01T00:00:00Z",
      aliases: { old: "gpt" },
      metadata: {},
      team_id: "t-1",
    });
    const { keys, silent, findings } = read([full]);
    expect(keys).toEqual([
      {
        displayName: "support bot",
        limits: {
          allowedModels: ["gpt", "team-model"],
          requestsPerMinute: 60,
          tokensPerMinute: 100_000,
          parallelCalls: 4,
          budget: { amountUsd: "25", period: "MONTH" },
        },
        expiresAt: "2208988800000",
        secret: TEXT,
      },
    ]);
    expect(silent).toEqual([]);
    expect(JSON.stringify(findings), "no text of a key").not.toContain(TEXT);
  });

  it("take the limits of the budget that they share, where they have none", () => {
    const { keys, silent } = read([
      row({
        litellm_budget_table: { budget_id: "b", max_budget: 5, budget_duration: "1d", rpm_limit: 9 },
        rpm_limit: 7,
      }),
    ]);
    expect(keys[0]?.limits).toEqual({ requestsPerMinute: 7, budget: { amountUsd: "5", period: "DAY" } });
    expect(silent).toEqual([]);
  });

  it("are made new where that is asked for", () => {
    const other = row({ token: hashOf("sk-another-one-0123456789"), key_alias: "other" });
    expect(read([other]).keys).toEqual([]);
    const told = read([other]).findings.find(({ path }) => path === "keys[0].token");
    expect(told?.message).toMatch(/no more of a key than a hash.*--key-texts.*--new-keys/);
    expect(read([other], true).keys).toMatchObject([{ displayName: "other", secret: undefined }]);
  });

  it("are told apart where two have one name", () => {
    const { keys } = read([row({}), row({ token: hashOf("sk-b") })], true);
    expect(keys.map(({ displayName }) => displayName)).toEqual([
      "support bot",
      `support bot ${hashOf("sk-b").slice(0, 8)}`,
    ]);
  });

  it.each<[JsonObject, RegExp]>([
    [{ blocked: true }, /it is blocked/],
    [{ expires: "2020-01-01T00:00:00Z" }, /it has ended/],
    [{ models: ["gone"] }, /none of the models that it may call was taken/],
    [{ models: ["all-team-models"] }, /its team's models/],
    [{ rpm_limit: 0 }, /its rpm_limit lets no call through/],
    [{ max_budget: 5, budget_duration: "a while" }, /the period of its budget/],
  ])("%j leaves the key out: it would be given more than it had", (fields, why) => {
    const { keys, findings, silent } = read([row(fields)]);
    expect(keys).toEqual([]);
    expect(silent).toEqual([]);
    expect(findings.find(({ path }) => path === "keys[0].token")?.message).toMatch(why);
  });
});
