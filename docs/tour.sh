#!/usr/bin/env bash
# A tour of the API by curl, top to bottom, against a fresh server. It stops at the first thing that is not as it says.
#
#   KEY=pb_live_… docs/tour.sh                               with no LLM at hand
#   KEY=pb_live_… LLM_URL=http://127.0.0.1:9100/v1 docs/tour.sh    with one (npm run demo:llm)
set -euo pipefail

URL=${URL:-http://127.0.0.1:8080}
KEY=${KEY:?set KEY to the API key that the server printed on its first start}
LLM_URL=${LLM_URL:-}
MODEL=${MODEL:-demo}

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
call() { # METHOD PATH [BODY]: prints the answer; fails unless it is a success
  curl --silent --show-error --fail-with-body --request "$1" "$URL$2" \
    --header "authorization: Bearer $KEY" --header 'content-type: application/json' ${3:+--data "$3"}
  echo
}
refused() { # REASON METHOD PATH [BODY]: the call must be refused for that reason
  local answer
  answer=$(curl --silent --request "$2" "$URL$3" --header "authorization: Bearer $KEY" \
    --header 'content-type: application/json' ${4:+--data "$4"})
  echo "$answer"
  grep -q "\"reason\": *\"$1\"" <<<"$answer"
}
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" <<<"$2" | head -n 1; }

say "Is it there?"
curl --silent --fail "$URL/readyz"

say "Register an LLM. What is not said comes from a model catalog, and the statuses say so."
REQUEST='{"displayName": "GPT-4o of the tour", "providerType": "OPENAI", "modelIdentifier": "gpt-4o",
  "credentials": {"apiKey": {"inlineSecret": "sk-tour-0123456789abcdef"}}, "labels": {"team": "tour"}}'
CREATED=$(call POST /v1/llms "$REQUEST")
echo "$CREATED"
LLM_ID=$(field llmId "$CREATED")

say "The same connection again is a duplicate, and says of what"
refused LLM_DUPLICATE POST /v1/llms "$REQUEST"

say "Get it: the key does not come out"
call GET "/v1/llms/$LLM_ID"

say "List by label, newest first"
call GET '/v1/llms?labels.team=tour&orderBy=CREATED_AT&direction=DESC&pageSize=10'

say "Change what you name; the rest stays"
call PATCH "/v1/llms/$LLM_ID" '{"description": "changed by the tour", "mergeLabels": {"labels": {"stage": "test"}}}'

say "A stored key never follows a moved endpoint"
refused CREDENTIALS_REQUIRED PATCH "/v1/llms/$LLM_ID" '{"endpointUrl": "https://elsewhere.example.com/v1"}'

say "A misspelt field is an error that names it"
refused INVALID_REQUEST POST /v1/llms '{"displayNam": "x"}'

say "Make it the default"
call POST "/v1/llms/$LLM_ID:setDefault" '{}'

say "Test a connection that is not registered: a result, whatever the endpoint does"
call POST /v1/llms:testConnection \
  '{"providerType": "OPENAI", "modelIdentifier": "gpt-4o", "credentials": {"apiKey": {"inlineSecret": "sk-wrong"}}}'

if [ -n "$LLM_URL" ]; then
  say "Register an LLM that answers, and prove it"
  CREATED=$(call POST /v1/llms "{\"displayName\": \"Demo of the tour\", \"providerType\": \"CUSTOM_OPENAI_COMPATIBLE\",
    \"endpointUrl\": \"$LLM_URL\", \"modelIdentifier\": \"$MODEL\", \"labels\": {\"team\": \"tour\"}}")
  echo "$CREATED"
  DEMO_ID=$(field llmId "$CREATED")
  call POST "/v1/llms/$DEMO_ID:test" '{}'

  say "Chat"
  call POST "/v1/llms/$DEMO_ID:chat" '{"message": "Hello, what can you do?"}'

  say "Chat, word by word: lines of JSON, or server-sent events by Accept"
  curl --silent --fail --no-buffer "$URL/v1/llms/$DEMO_ID:streamChat" --header "authorization: Bearer $KEY" \
    --header 'content-type: application/json' --header 'accept: text/event-stream' --data '{"message": "Hello"}'

  say "Say what it costs, and chat in a session, which remembers"
  call PATCH "/v1/llms/$DEMO_ID" '{"price": {"input": "2.5", "output": "10"}}'
  SESSION=$(call POST "/v1/llms/$DEMO_ID:chat" '{"message": "I am Ada.", "newSession": true}')
  echo "$SESSION"
  SESSION_ID=$(field sessionId "$SESSION")
  call POST "/v1/llms/$DEMO_ID:chat" "{\"message\": \"Who am I?\", \"sessionId\": \"$SESSION_ID\"}"
  call GET "/v1/sessions/$SESSION_ID/turns"

  say "What all of that cost"
  call GET "/v1/usage?llmId=$DEMO_ID&groupBy=DAY"

  say "A budget refuses before the provider is called"
  BUDGET=$(call POST /v1/budgets "{\"llmId\": \"$DEMO_ID\", \"amountUsd\": \"0.000001\", \"period\": \"DAY\"}")
  echo "$BUDGET"
  refused BUDGET_EXHAUSTED POST "/v1/llms/$DEMO_ID:chat" '{"message": "Too much"}'

  say "Delete it"
  call DELETE "/v1/sessions/$SESSION_ID"
  call DELETE "/v1/llms/$DEMO_ID"
fi

say "A key for a teammate: shown once. It may do no more than yours"
ISSUED=$(call POST /v1/apiKeys '{"displayName": "Teammate of the tour", "role": "VIEWER"}')
echo "$ISSUED"
KEY_ID=$(field apiKeyId "$ISSUED")
KEY=$(field key "$ISSUED") call GET /v1/caller
KEY=$(field key "$ISSUED") refused PERMISSION_MISSING DELETE "/v1/llms/$LLM_ID"

say "Replace it: the old one works for an hour more. Then end it"
call POST "/v1/apiKeys/$KEY_ID:roll" '{"overlapSeconds": 3600}'
call POST "/v1/apiKeys/$KEY_ID:revoke" '{}'

say "Delete what the tour made"
call DELETE "/v1/llms/$LLM_ID"
refused LLM_NOT_FOUND GET "/v1/llms/$LLM_ID"

say "That was the tour."
