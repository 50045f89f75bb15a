import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { modelsQuery, readModels } from "./models.ts";

const page = JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/models.json"), "utf8"));

describe("the models that are served", () => {
  it("are read, with where the next page begins", () => {
    expect(readModels(page)).toEqual({
      models: [
        {
          id: "claude-sonnet-4-5-20250929",
          displayName: "Claude Sonnet 4.5",
          ownedBy: "",
          createdAt: Date.UTC(2025, 8, 29),
          aliases: [],
          maxContextLength: 200_000,
          maxOutputTokens: 64_000,
          inputModalities: ["text", "image"],
        },
        {
          id: "claude-3-haiku-20240307",
          displayName: "Claude Haiku 3",
          ownedBy: "",
          createdAt: Date.UTC(2024, 2, 7),
          aliases: [],
          deprecation: { deprecatedAt: "2026-02-19", retiresAt: "2026-04-20" },
        },
      ],
      next: "claude-3-haiku-20240307",
    });
  });

  it.each([
    { name: "says so", last: { has_more: false } },
    { name: "does not say where the next one begins", last: { last_id: null } },
  ])("end with the page that $name", ({ last }) => {
    expect(readModels({ ...page, ...last })?.next).toBeUndefined();
  });

  it("are asked for page by page", () => {
    expect([modelsQuery(undefined), modelsQuery("claude-3")]).toEqual([
      { limit: "1000" },
      { limit: "1000", after_id: "claude-3" },
    ]);
  });

  it("are not read from a reply", () => {
    expect(readModels({ type: "message", content: [] })).toBeUndefined();
  });
});
