#!/usr/bin/env bash
# Two lists of prices know that DeepSeek's models cost twice as much at peak hours, and disagree about the weekend.
#
# Seen with @pydantic/genai-prices 0.1.8 (npm) and the list inside litellm 1.108.7 (PyPI), for deepseek-v4-pro: the hours
# of peak are the same seven of a day (01-04 and 06-10 UTC), and on weekdays both give the same price for each hour.
# DeepSeek's page says "Monday through Friday"; genai-prices doubles the price on Saturdays and Sundays, too, so that for
# 14 hours a week one says 1.32 dollars for a million tokens where the other, and the bill, say 0.66.
# We had guessed that a list which is asked with a time, and knows the hours, would know the days.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @pydantic/genai-prices@0.1.8
python3 -m pip download --quiet --disable-pip-version-check --no-deps litellm==1.108.7 -d .
python3 -m zipfile -e litellm-1.108.7-*.whl litellm-wheel

cat >week.mjs <<'JS'
import { readFileSync } from "node:fs";
import { calcPrice } from "@pydantic/genai-prices";

const list = JSON.parse(readFileSync("litellm-wheel/litellm/model_prices_and_context_window_backup.json", "utf8"));
const model = list["deepseek/deepseek-v4-pro"];

/** Windows are texts such as "10:00-00:00"; weekdays are numbers, of which 7 is Sunday. */
function isOffPeak(time) {
  const hour = time.getUTCHours();
  return model.off_peak_pricing.windows.some(({ hours_utc: hours, weekdays }) => {
    const holds = [hours].flat().some((window) => {
      const [from, to] = window.split("-").map((text) => Number(text.split(":")[0]));
      return hour >= from && hour < (to || 24);
    });
    return holds && [weekdays].flat().includes(time.getUTCDay() || 7);
  });
}

const sunday = Date.parse("2026-11-29T00:00:00Z");
for (let day = 0; day < 7; day++) {
  const differing = [];
  for (let hour = 0; hour < 24; hour++) {
    const timestamp = new Date(sunday + (day * 24 + hour) * 3_600_000);
    const one = calcPrice({ input_tokens: 1_000 }, "deepseek-v4-pro", { providerId: "deepseek", timestamp });
    const first = (one.input_price * 1_000).toFixed(2);
    const rate = isOffPeak(timestamp) ? model.off_peak_pricing.input_cost_per_token : model.input_cost_per_token;
    const second = (rate * 1e6).toFixed(2);
    if (first !== second) differing.push(`${hour}h ${first}/${second}`);
  }
  const name = new Date(sunday + day * 86_400_000).toUTCString().slice(0, 3);
  console.log(`${name}: ${differing.join(", ") || "the same price at every hour"}`);
}
JS
node week.mjs | tee seen

diff - seen <<'EXPECTED'
Sun: 1h 1.32/0.66, 2h 1.32/0.66, 3h 1.32/0.66, 6h 1.32/0.66, 7h 1.32/0.66, 8h 1.32/0.66, 9h 1.32/0.66
Mon: the same price at every hour
Tue: the same price at every hour
Wed: the same price at every hour
Thu: the same price at every hour
Fri: the same price at every hour
Sat: 1h 1.32/0.66, 2h 1.32/0.66, 3h 1.32/0.66, 6h 1.32/0.66, 7h 1.32/0.66, 8h 1.32/0.66, 9h 1.32/0.66
EXPECTED
echo "as seen before"
