#!/usr/bin/env bash
# Of three engines that hold a model to a JSON Schema, two let "maximum": 5 pass 9, and one lets pass what is no JSON.
#
# Seen with llguidance 1.9.1, outlines-core 0.2.14 and lm-format-enforcer 0.11.3 (PyPI), which vLLM and others decode with,
# beside jsonschema 4.26.0. outlines-core and lm-format-enforcer take minimum, maximum, multipleOf, uniqueItems, not and
# minProperties without a word, and without heeding them; llguidance heeds them or refuses the schema. A pattern,
# which JSON Schema looks for anywhere in a text, is the whole text to outlines-core and lm-format-enforcer; and since
# outlines-core puts it between quotes as it is, "^.{3}$" lets a bare quote into the text, after which nothing can be read.
# We had guessed that an engine heeds a keyword or says that it does not know it, and that whatever comes out parses. A
# gateway that has set response_format still has to validate the reply: which engine stands behind is a flag of the server.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
python/bin/uv pip install --quiet --python python/bin/python llguidance==1.9.1 outlines-core==0.2.14 \
  lm-format-enforcer==0.11.3 jsonschema==4.26.0

cat >engines.py <<'PY'
import json, logging, re

logging.disable()
from jsonschema import Draft202012Validator
from llguidance import LLMatcher, LLTokenizer
from lmformatenforcer import JsonSchemaParser
from outlines_core.json_schema import build_regex_from_schema

CASES = [
    ({"type": "integer", "minimum": 1, "maximum": 5}, ["3", "9"]),
    ({"type": "integer", "multipleOf": 5}, ["10", "7"]),
    ({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, ["[1, 2]", "[1, 1]"]),
    ({"type": "string", "not": {"const": "any"}}, ['"some"', '"any"']),
    ({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2}, ['{"a": 1}']),
    ({"type": "string", "pattern": "[0-9]{4}"}, ['"2026"', '"year 2026"']),
    ({"type": "string", "pattern": "^.{3}$"}, ['"abc"', '"a"b"']),
]
tokenizer = LLTokenizer("byte")


def by_json_schema(schema, text):
    try:
        return Draft202012Validator(schema).is_valid(json.loads(text))
    except json.JSONDecodeError:
        return False


def by_llguidance(schema, text):
    grammar = LLMatcher.grammar_from_json_schema(schema)
    if LLMatcher.validate_grammar(grammar, tokenizer):
        return None
    matcher = LLMatcher(tokenizer, grammar)
    tokens = tokenizer.tokenize_str(text)
    return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()


def by_outlines(schema, text):
    return re.fullmatch(build_regex_from_schema(json.dumps(schema)), text) is not None


def by_lm_format_enforcer(schema, text):
    parser = JsonSchemaParser(schema)
    for character in text:
        if character not in parser.get_allowed_characters():
            return False
        parser = parser.add_character(character)
    return parser.can_end()


WORDS = {True: "yes", False: "no", None: "schema refused"}
for schema, texts in CASES:
    print(json.dumps(schema))
    for text in texts:
        judges = (by_json_schema, by_llguidance, by_outlines, by_lm_format_enforcer)
        print(f"  {text}:", ", ".join(WORDS[judge(schema, text)] for judge in judges))
PY
echo "what is let through: by jsonschema, llguidance, outlines-core, lm-format-enforcer" | tee seen
python/bin/python engines.py | tee -a seen

diff - seen <<'EXPECTED'
what is let through: by jsonschema, llguidance, outlines-core, lm-format-enforcer
{"type": "integer", "minimum": 1, "maximum": 5}
  3: yes, yes, yes, yes
  9: no, no, yes, yes
{"type": "integer", "multipleOf": 5}
  10: yes, yes, yes, yes
  7: no, no, yes, yes
{"type": "array", "items": {"type": "integer"}, "uniqueItems": true}
  [1, 2]: yes, schema refused, yes, yes
  [1, 1]: no, schema refused, yes, yes
{"type": "string", "not": {"const": "any"}}
  "some": yes, schema refused, yes, yes
  "any": no, schema refused, yes, yes
{"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2}
  {"a": 1}: no, no, yes, yes
{"type": "string", "pattern": "[0-9]{4}"}
  "2026": yes, yes, yes, yes
  "year 2026": yes, yes, no, no
{"type": "string", "pattern": "^.{3}$"}
  "abc": yes, yes, yes, yes
  "a"b": no, no, yes, no
EXPECTED
echo "as seen before"
