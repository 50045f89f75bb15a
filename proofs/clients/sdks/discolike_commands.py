"""Every command of contract 000's own command line that concerns LLMs. Arguments: address, key, the endpoint of an Llm."""

import json
import subprocess
import sys
import tempfile
import uuid

address, key, endpoint = sys.argv[1:4]
# Nothing of a person's own settings.
environment = {"PATH": "/usr/bin:/bin", "HOME": tempfile.mkdtemp(), "DISCOLIKE_API_KEY": key}
# As its script starts it; the script itself names the folder that the environment was made in.
program = [sys.executable, "-c", "from discolike_cli.main import run; run()"]


def discolike(*args: str) -> subprocess.CompletedProcess:
    command = [*program, "--base-url", f"{address}/v1", "llm-providers", *args]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def answer(*args: str) -> dict:
    ran = discolike(*args)
    assert ran.returncode == 0, (args, ran)
    return json.loads(ran.stdout)


def refusal(*args: str) -> str:
    ran = discolike(*args)
    assert ran.returncode != 0, (args, ran)
    return ran.stdout + ran.stderr


connection = ["--provider", "custom", "--model-name", f"model-{uuid.uuid4()}", "--base-url", endpoint]
secret = ["--api-key", "sk-discolike-0123456789"]

assert answer("test-connection", *connection, *secret)["status"] == "success"
made = answer("create", "--name", "From the command", *connection, *secret)["integration_id"]
assert "same connection" in refusal("create", "--name", "Again", *connection, *secret)
assert [one["integration_id"] for one in answer("list", "--format", "json")["providers"]] == [made]
assert answer("get", made, "--format", "json")["integration_name"] == "From the command"
# Without --api-key the stored key is kept.
assert answer("update", made, "--name", "Renamed", *connection)["integration_id"] == made
kept = answer("get", made, "--format", "json")
assert kept["integration_name"] == "Renamed" and kept["api_key"] == "*****", kept
assert answer("set-default", made)["integration_id"] == made
assert answer("list", "--format", "json")["providers"][0]["is_default"] is True
assert "table" not in discolike("list", "--format", "table").stderr
assert answer("delete", made) == {"deleted": made}
assert made in refusal("get", made), refusal("get", made)
print("ok")
