#!/usr/bin/env bash
# openapi-python-client 0.29.1 (PyPI) and a query parameter of `style: deepObject`. OpenAPI writes {"team": "ai"} of `labels`
# as labels[team]=ai. The client that it generates sends team=ai: the name of the parameter is gone, and of an entry that is
# named as another parameter only that one is left. Nothing is said of it, neither when the client is generated (the warnings
# are about ruff, which would format it) nor when it is called.
#
# What we guessed: that it refuses what it cannot send, as it does with other forms. Fails when it sends labels[team], or
# says that it does not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check openapi-python-client==0.29.1

cat >shop.json <<'JSON'
{
  "openapi": "3.1.0",
  "info": { "title": "shop", "version": "1" },
  "paths": {
    "/things": {
      "get": {
        "operationId": "listThings",
        "parameters": [
          {
            "name": "labels", "in": "query", "style": "deepObject", "explode": true,
            "schema": { "type": "object", "additionalProperties": { "type": "string" } }
          },
          { "name": "limit", "in": "query", "schema": { "type": "integer" } }
        ],
        "responses": { "200": { "description": "the things", "content": { "application/json": { "schema": { "type": "string" } } } } }
      }
    }
  }
}
JSON
venv/bin/openapi-python-client generate --path shop.json --meta none --output-path shop 2>&1 | sed 's/^/  /'

cat >ask.py <<'PY'
import httpx
from shop import Client
from shop.api.default import list_things
from shop.models import ListThingsLabels

asked = []

def answer(request):
    asked.append(request.url.query.decode())
    return httpx.Response(200, json="none")

client = Client(base_url="http://shop.invalid")
client.set_httpx_client(httpx.Client(base_url="http://shop.invalid", transport=httpx.MockTransport(answer)))
for labels in ({"team": "ai"}, {"limit": "all"}):
    list_things.sync_detailed(client=client, labels=ListThingsLabels.from_dict(labels), limit=5)
print("\n".join(f"  {query}" for query in asked))
raise SystemExit(0 if asked == ["team=ai&limit=5", "limit=5"] else "it has changed: this is not what was seen")
PY
echo "the queries that are sent for labels of team: ai, and of limit: all:"
venv/bin/python ask.py
