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

globalThis.SwaggerUIBundle({
  spec,
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 2,
  displayRequestDuration: true,
  persistAuthorization: false,
  // Null keeps the document from being sent to a validator on the internet.
  validatorUrl: null,
});
