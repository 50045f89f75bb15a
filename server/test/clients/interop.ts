import { afterAll, beforeAll, expect, it } from "vitest";
import { says, saysSlowly } from "../upstream/behaviours.ts";
import type { GeneratedClient } from "./generated-client.ts";
import { describeUnless, runWell } from "./program.ts";
import { type Rig, startRig } from "./rig.ts";

const SIZES = [31_415, 9, 2_653, 58_979];
const NOBODY = "00000000-0000-4000-8000-000000000000";
const OK = { code: "OK", message: "" };

/**
 * The cases of gRPC's interop tests that need no service of their own, as a client in another language sees them; grpc-js
 * has the same in grpc-js.test.ts.
 *
 * https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
 */
export function describeInterop(language: string, client: GeneratedClient): void {
  describeUnless(client.missing && `gRPC interop in ${language}: ${client.missing}`)(
    `gRPC interop in ${language}`,
    () => {
      const [program = "", ...args] = client.missing === undefined ? client.command : [];
      let rig: Rig;
      let report: Record<string, unknown>;
      beforeAll(async () => {
        rig = await startRig();
        rig.upstream.setModel("large", says("y".repeat(314_159)));
        rig.upstream.setModel("streaming", saysSlowly(100, ...SIZES.map((size) => "z".repeat(size))));
        report = JSON.parse(await runWell(program, [...args, rig.address, rig.apiKey, rig.endpointUrl, "interop"]));
      });
      afterAll(() => rig.stop());

      it.each([
        { name: "empty_unary", expected: { code: "OK", size: 0 } },
        { name: "large_unary", expected: { outcome: OK, size: 314_159 } },
        { name: "client_compressed_unary", expected: { outcome: OK, size: 314_159 } },
        { name: "server_compressed_unary", expected: "gzip" },
        { name: "server_streaming", expected: { outcome: OK, sizes: SIZES } },
        { name: "server_compressed_streaming", expected: "gzip" },
        { name: "empty_stream", expected: { outcome: OK, known: [] } },
        { name: "ping_pong", expected: { outcome: OK, known: [true, false, true] } },
        {
          name: "status_code_and_message",
          expected: Array(2).fill({ code: "NOT_FOUND", message: `there is no llm ${NOBODY}` }),
        },
        {
          name: "special_status_message",
          expected: {
            code: "ABORTED",
            message: expect.stringContaining(
              "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n; get it again",
            ),
          },
        },
        {
          name: "unimplemented_method",
          expected: {
            code: "UNIMPLEMENTED",
            message: expect.stringContaining("patchbay.v1.LlmService has no rpc UnimplementedCall; it has CreateLlm"),
          },
        },
        {
          name: "unimplemented_service",
          expected: {
            code: "UNIMPLEMENTED",
            message: expect.stringContaining("there is no service patchbay.v1.UnimplementedService; there are "),
          },
        },
        {
          name: "cancel_after_begin",
          expected: { outcome: { code: "CANCELLED", message: expect.any(String) }, sizes: [] },
        },
        {
          name: "cancel_after_first_response",
          expected: {
            outcome: { code: "CANCELLED", message: expect.any(String) },
            sizes: expect.arrayContaining([expect.any(Number)]),
          },
        },
        {
          name: "timeout_on_sleeping_server",
          expected: { outcome: { code: "DEADLINE_EXCEEDED", message: expect.any(String) }, sizes: [] },
        },
      ])("$name", ({ name, expected }) => expect(report[name]).toEqual(expected));

      it("custom_metadata: of any kind is accepted, and x-request-id comes back", () => {
        const ids = report.custom_metadata as string[];
        expect(ids).toHaveLength(2);
        expect(rig.server.log.map(({ facts }) => facts.requestId)).toEqual(expect.arrayContaining(ids));
      });

      it("sent what it says it sent, and what was left is closed", async () => {
        const prompts = rig.upstream.requests.filter(({ model, isStreamed }) => model === "large" && !isStreamed);
        expect(prompts.map(({ text }) => text.includes("x".repeat(271_828)))).toEqual([true, true]);
        const left = rig.upstream.requests.filter(({ model }) => model === "silent" || model === "stalling");
        expect(left.length).toBeGreaterThan(1);
        for (const call of left) {
          await call.closed;
          expect(call.wasCompleted).toBe(false);
        }
      });
    },
  );
}
