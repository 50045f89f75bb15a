#!/usr/bin/env bash
# npx stands behind a shell: it ends by SIGTERM's own code (143), and a SIGINT that is sent to it alone reaches nobody.
#
# Seen with npm 11.19.1 and dash 0.5.12 as /bin/sh (Debian). npm runs a command as `sh -c 'name'`; dash stays in between and
# waits. It dies of the SIGTERM that npm passes on, and npm ends itself by what its child died of; a SIGINT it keeps until
# the command has ended. The program below heeds both signals with exit code 0, and hears neither. With `exec` before the
# command, or bash as npm's shell, the shell is gone, and all is as it should be.
# We had guessed that our own launcher lost the signals: nothing of a package runs where they are lost.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/program" && cd "$folder/program"
echo '{"name": "heeds-signals", "version": "1.0.0", "bin": "heeds.mjs"}' >package.json
cat >heeds.mjs <<'JS'
#!/usr/bin/env node
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
setInterval(() => {}, 1_000);
process.stderr.write(`up ${process.pid}\n`);
JS
chmod +x heeds.mjs && npm pack --silent >/dev/null && cd "$folder"

# What npx ends with after a signal; "none" where it does not end.
after() {
  local signal=$1 code=none
  shift
  rm -f "$folder/said"
  (trap - INT; exec npx --yes "$@") 2>"$folder/said" &
  local npx=$!
  until grep -qs "^up" "$folder/said"; do sleep 0.2; done
  kill "-$signal" "$npx"
  for _ in $(seq 40); do
    kill -0 "$npx" 2>/dev/null || { code=0; wait "$npx" || code=$?; break; }
    sleep 0.1
  done
  [ "$code" != none ] || kill -9 "$npx"
  kill -9 "$(sed -n 's/^up //p' "$folder/said")" 2>/dev/null || true
  echo "$code"
}
package=./program/heeds-signals-1.0.0.tgz
set -m
plain="$(after TERM $package) $(after INT $package)"
exec="$(after TERM --package $package -c 'exec heeds-signals') $(after INT --package $package -c 'exec heeds-signals')"
echo "after SIGTERM and SIGINT npx ends with: $plain; with exec before the command: $exec"
[ "$exec" = "0 0" ] && [ "$plain" = "143 none" ]
