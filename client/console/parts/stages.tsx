import type { CSSProperties } from "react";
import { formatAgo, formatMs, formatTime } from "../browser/format.ts";
import { type ConnectionTest, Outcome, StageName, StageState } from "../data/connection-tests.ts";
import { text } from "../text.ts";
import { Badge, Fact, Facts, Mark, type Tone } from "./basics.tsx";

const STAGE_TONES: Record<number, Tone> = {
  [StageState.PASSED]: "ok",
  [StageState.FAILED]: "bad",
  [StageState.INCONCLUSIVE]: "warn",
};

export function outcomeTone(outcome: Outcome): Tone {
  if (outcome === Outcome.OK) return "ok";
  return [Outcome.INCONCLUSIVE, Outcome.RATE_LIMITED, Outcome.BUSY].includes(outcome as never) ? "warn" : "bad";
}

const EXPECTED = [
  StageName.ADDRESS,
  StageName.CONNECTION,
  StageName.KEY,
  StageName.MODEL,
  StageName.REPLY,
  StageName.STREAM,
];
const STEP_MS = 90;
/** An older result stands there at once. */
const FRESH_MS = 4_000;

/** The stages of a test, one below the other; while it runs, those that are to come. */
export function Stages({ test, isRunning }: { test: ConnectionTest | undefined; isRunning?: boolean }) {
  if (isRunning) {
    return (
      <div role="status">
        <p className="muted">{text.test.running}</p>
        <ol className="stages waiting">
          {EXPECTED.map((name) => (
            <li key={name}>
              <Mark tone="" />
              <span>{text.stages[name]}</span>
            </li>
          ))}
        </ol>
      </div>
    );
  }
  if (!test) return <p className="muted">{text.test.never}</p>;
  const isFresh = Date.now() - Number(test.testedAt) < FRESH_MS;
  return (
    <div className="stack">
      <div className="row" role="status">
        <Badge tone={outcomeTone(test.outcome)}>{text.outcomes[test.outcome]}</Badge>
        <span>{test.message}</span>
      </div>
      <ol className={`stages ${isFresh ? "arriving" : ""}`} key={String(test.testedAt)}>
        {test.stages.map(({ name, state, message }, index) => (
          <li
            key={name}
            style={{ animationDelay: `${index * STEP_MS}ms` } as CSSProperties}
            className={`tone-${STAGE_TONES[state] ?? "none"}`}
          >
            <Mark tone={STAGE_TONES[state] ?? ""} />
            <span>
              {text.stages[name]} <span className="hidden-label">{text.stageStates[state]}</span>
            </span>
            <span className="muted">{message || text.stageStates[state]}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

export function TestFacts({ test }: { test: ConnectionTest }) {
  return (
    <Facts>
      <Fact name={text.test.at}>
        <span title={formatTime(test.testedAt)}>{formatAgo(test.testedAt)}</span>
      </Fact>
      <Fact name={text.test.latency}>{test.latencyMs > 0 && formatMs(test.latencyMs)}</Fact>
      <Fact name={text.test.firstToken}>{test.firstTokenMs !== undefined && formatMs(test.firstTokenMs)}</Fact>
      <Fact name={text.test.http}>{test.httpStatus}</Fact>
      <Fact name={text.test.model}>{test.model && <code>{test.model}</code>}</Fact>
    </Facts>
  );
}
