import type { Behaviour } from "./behaviours.ts";

/** A list of these models in the words of the API that was called: Anthropic's in pages of two. */
export function servesModels(...ids: string[]): Behaviour {
  return ({ dialect, path, response }) => {
    const body = dialect.name === "anthropic" ? anthropicPage(ids, path) : openAiList(ids);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
}

function openAiList(ids: readonly string[]) {
  const data = ids.map((id) => ({ id, object: "model", created: 1_700_000_000, owned_by: "system" }));
  return { object: "list", data };
}

function anthropicPage(ids: readonly string[], path: string) {
  const after = new URL(path, "http://localhost").searchParams.get("after_id");
  const rest = ids.slice(after === null ? 0 : ids.indexOf(after) + 1);
  const page = rest.slice(0, 2);
  const data = page.map((id) => ({ type: "model", id, display_name: id, created_at: "2025-01-01T00:00:00Z" }));
  return { data, has_more: rest.length > page.length, first_id: page.at(0) ?? null, last_id: page.at(-1) ?? null };
}
