import { useQuery } from "@tanstack/react-query";
import { type Candidate, lookAround } from "../data/machine.ts";
import { text } from "../text.ts";
import { Badge, Button, CodeBlock, ProblemNotice } from "./basics.tsx";

const t = text.connect;

/** What is found on the server's machine, once somebody asks. */
export function MachineChoices({ onChoose }: { onChoose: (candidate: Candidate) => void }) {
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ["machine"],
    queryFn: lookAround,
    enabled: false,
    retry: false,
  });
  const origins = data?.closed.map(({ endpointUrl }) => new URL(endpointUrl).origin) ?? [];
  return (
    <section className="card stack">
      <div className="row">
        <h2>{t.machine}</h2>
        <span className="grow" />
        <Button isSmall disabled={isFetching} onClick={() => void refetch()}>
          {isFetching ? t.looking : t.look}
        </Button>
      </div>
      <p className="muted">{t.machineHint}</p>
      <ProblemNotice error={error} />
      {data && data.found.length > 0 && (
        <div className="vendors">
          {data.found.map((candidate) => (
            <button key={candidate.name} type="button" className="vendor" onClick={() => onChoose(candidate)}>
              <strong>
                {candidate.title} <Badge tone="ok">{t.answers}</Badge>
              </strong>
              <span>{candidate.endpointUrl}</span>
            </button>
          ))}
        </div>
      )}
      {data && data.silent.length > 0 && (
        <p className="muted" role="status">
          {t.nothing} {data.silent.map(({ title, endpointUrl }) => `${title} (${endpointUrl})`).join(", ")}
        </p>
      )}
      {data && data.closed.length > 0 && (
        <>
          <p role="status">{t.closed(data.closed.map(({ title }) => title).join(", "))}</p>
          <CodeBlock value={`EGRESS_ALLOW=${origins.join(",")} npm start`} label="EGRESS_ALLOW" />
        </>
      )}
    </section>
  );
}
