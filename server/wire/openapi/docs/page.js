/** Shows the OpenAPI document of the server that this page came from. API keys stay in memory: a reload forgets them. */
const url = new URL("openapi.json", document.baseURI);
const spec = await (await fetch(url)).json();

// The examples for a terminal call the server that the reader looks at.
const base = new URL(".", url).href.replace(/\/$/, "");
spec.info.description = spec.info.description.replaceAll("http://127.0.0.1:8080", base);
if (base !== location.origin) spec.servers = [{ url: base }];

const dark = matchMedia("(prefers-color-scheme: dark)");
const followScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followScheme);
followScheme();

/** Where the answer of the last call is shown while it comes: below the button that made it. */
let live;
document.addEventListener(
  "click",
  ({ target }) => {
    const button = target instanceof Element ? target.closest(".opblock .execute") : null;
    if (!button) return;
    live?.remove();
    live = document.createElement("pre");
    live.className = "live-stream";
    button.parentElement.after(live);
  },
  true,
);

/** Fetches as the page would, and shows a stream piece by piece; the page gets the whole of it when it has ended. */
async function fetchLive(address, options) {
  const response = await fetch(address, options);
  const type = response.headers.get("content-type") ?? "";
  if (!/ndjson|event-stream/.test(type) || !response.body) return response;
  const place = live;
  let text = "";
  for await (const piece of piecesOf(response.body.pipeThrough(new TextDecoderStream()))) {
    text += piece;
    if (place) {
      place.textContent = text;
      place.scrollTop = place.scrollHeight;
    }
  }
  place?.remove();
  // As text: the page would take lines of JSON for JSON that is broken.
  const headers = new Headers(response.headers);
  headers.set("content-type", "text/plain; charset=utf-8");
  const { status, statusText } = response;
  const whole = new Response(text, { status, statusText, headers });
  Object.defineProperty(whole, "url", { value: response.url });
  return whole;
}

/** Not every browser can iterate over a stream. */
async function* piecesOf(stream) {
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

/** The filter of the page finds operations by any of their words, not only services by their names. */
const findOperations = () => ({
  fn: {
    opsFilter: (services, phrase) => {
      const words = phrase.toLowerCase().split(/\s+/).filter(Boolean);
      const matches = (name) => (operation) => {
        const summary = operation.getIn(["operation", "summary"]) ?? "";
        const text = [name, operation.get("path"), operation.get("method"), summary].join(" ").toLowerCase();
        return words.every((word) => text.includes(word));
      };
      return services
        .map((service, name) => service.update("operations", (operations) => operations.filter(matches(name))))
        .filter((service) => service.get("operations").size > 0);
    },
  },
});

/** Above the first service of each group stands what it is for. */
const nameGroups = ({ React }) => ({
  wrapComponents: {
    OperationTag: (Original) => (props) => {
      const group = (spec["x-tagGroups"] ?? []).find(({ tags }) => tags[0] === props.tag);
      const section = React.createElement(Original, props);
      if (!group) return section;
      return React.createElement(
        React.Fragment,
        null,
        React.createElement("h2", { className: "tag-group" }, group.name),
        section,
      );
    },
  },
});

globalThis.SwaggerUIBundle({
  spec,
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 2,
  displayRequestDuration: true,
  persistAuthorization: false,
  filter: true,
  plugins: [findOperations, nameGroups],
  requestInterceptor: (request) => Object.assign(request, { userFetch: fetchLive }),
  // Null keeps the document from being sent to a validator on the internet.
  validatorUrl: null,
});
