import { create, type DescMethod, type DescMethodUnary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { AuditService } from "../../../gen/patchbay/v1/audit_service_pb.ts";
import { ChatService } from "../../../gen/patchbay/v1/chat_service_pb.ts";
import { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { ProviderService } from "../../../gen/patchbay/v1/provider_service_pb.ts";
import { RouteService } from "../../../gen/patchbay/v1/route_service_pb.ts";
import { QueryUsageRequest_GroupBy as GroupBy, UsageService } from "../../../gen/patchbay/v1/usage_service_pb.ts";
import { asCode } from "./as-code.ts";

const URL = "https://patchbay.example.com/team";

function codeOf<M extends DescMethod>(
  method: M,
  init: Parameters<typeof create<M["input"]>>[1],
): Record<string, string> {
  const codes = asCode(method, create(method.input, init), URL);
  return Object.fromEntries(codes.map(({ title, text }) => [title, text]));
}

const llmId = "b6c1c8f2-3a75-4d43-8a3c-1a52f9a3a1b7";
const secret = { apiKey: { source: { case: "inlineSecret" as const, value: "sk-never-shown" } } };

describe("a call as curl", () => {
  it("has the fields of a read in its path and its query", () => {
    const { curl } = codeOf(LlmService.method.listLlms, { pageSize: 10, search: "a b&c", labels: { team: "ai" } });
    expect(curl).toBe(
      `curl "${URL}/v1/llms?pageSize=10&labels.team=ai&search=a%20b%26c" \\\n  -H "authorization: Bearer $KEY"`,
    );
  });

  it("chooses the binding that the given fields fill", () => {
    expect(codeOf(ChatService.method.chat, { message: "Hi" }).curl).toContain(`"${URL}/v1/llms:chat"`);
    expect(codeOf(ChatService.method.chat, { llmId, message: "Hi" }).curl).toContain(`"${URL}/v1/llms/${llmId}:chat"`);
  });

  it("asks for a stream as events", () => {
    expect(codeOf(ChatService.method.streamChat, { message: "Hi" }).curl).toContain(
      "-N -H 'accept: text/event-stream'",
    );
  });

  it("says the verb where curl would not guess it, and quotes for a shell", () => {
    const { curl } = codeOf(ProviderService.method.upsertProvider, { name: "a", displayName: "It's" });
    expect(curl).toContain(`curl -X PUT "${URL}/v1/providers/a"`);
    expect(curl).toContain(`"displayName": "It'\\''s"`);
  });
});

describe.each(["curl", "gRPC", "TypeScript", "Python"])("a call in %s", (title) => {
  it.each<[string, DescMethodUnary, Record<string, unknown>]>([
    ["alone", LlmService.method.addPendingCredentials, { llmId, credentials: secret }],
    ["beside others", LlmService.method.createLlm, { displayName: "x", credentials: secret }],
  ])("has a placeholder for a secret, %s", (_, method, init) => {
    const code = codeOf(method, init)[title];
    expect(code).not.toContain("sk-never-shown");
    expect(code).toMatch(/\$SECRET|env\.SECRET|os\.environ\["SECRET"\]/);
  });
});

describe("a call as a command", () => {
  it.each<[DescMethod, Record<string, unknown>, string]>([
    [LlmService.method.listLlms, {}, "patchbay llms list"],
    [LlmService.method.getLlm, { llmId }, `patchbay llms get ${llmId}`],
    [LlmService.method.deleteLlm, { llmId }, `patchbay llms delete ${llmId} --yes`],
    [LlmService.method.testLlm, { llmId }, `patchbay test ${llmId}`],
    [ChatService.method.streamChat, { llmId, message: "It's" }, `patchbay chat ${llmId} 'It'\\''s'`],
    [ProviderService.method.listProviders, {}, "patchbay providers list"],
    [RouteService.method.explainRoute, { routeId: "team" }, "patchbay routes explain team"],
    [
      UsageService.method.queryUsage,
      { groupBy: [GroupBy.DAY, GroupBy.API_KEY], startDay: "2026-11-01" },
      "patchbay usage --by day,key --from 2026-11-01",
    ],
    [
      UsageService.method.queryUsage,
      { groupBy: [GroupBy.LABEL], labelKey: "team", labels: { tier: "1" } },
      "patchbay usage --by label=team --label tier=1",
    ],
    [
      LlmService.method.createLlm,
      { displayName: "x", credentials: secret },
      `patchbay llms create --key-env SECRET -f - <<'EOF'\n{\n  "displayName": "x"\n}\nEOF`,
    ],
    [
      LlmService.method.updateLlm,
      { llmId, description: "y" },
      `patchbay llms edit ${llmId} -f - <<'EOF'\n{\n  "description": "y"\n}\nEOF`,
    ],
  ])("of %s", (method, init, command) => expect(codeOf(method, init).patchbay).toBe(command));

  it("is not there where the command has none", () => {
    expect(codeOf(LlmService.method.promoteCredentials, { llmId }).patchbay).toBeUndefined();
    expect(codeOf(UsageService.method.queryUsage, { subject: "grace" }).patchbay).toBeUndefined();
  });
});

it("imports a request from its own file", () => {
  const { TypeScript } = codeOf(LlmService.method.addPendingCredentials, { llmId });
  expect(TypeScript).toContain(
    'import { AddPendingCredentialsRequestSchema } from "./gen/patchbay/v1/llm_rotation_pb.ts"',
  );
});

it("a stream has no line of Python, which would wait for its end", () => {
  expect(Object.keys(codeOf(AuditService.method.exportAuditEvents, {}))).toContain("Python");
  expect(codeOf(AuditService.method.exportAuditEvents, {}).Python).toBe("");
});
