import { Link } from "wouter";
import type { CapabilitySource } from "../../../../gen/patchbay/v1/capability_sources_pb.ts";
import { formatAgo, formatCost, formatDay, formatNumber, formatTime } from "../../browser/format.ts";
import { useCaller } from "../../data/caller.ts";
import type { Llm } from "../../data/llms.ts";
import { startOfMonth, useMonth } from "../../data/month.ts";
import { useProvider } from "../../data/providers.ts";
import { useRoutes } from "../../data/routes.ts";
import { Badge, CopyButton, Fact, Facts } from "../../parts/basics.tsx";
import { Spark } from "../../parts/spark.tsx";
import { Stages, TestFacts } from "../../parts/stages.tsx";
import { text } from "../../text.ts";

const t = text.llm;

export function Overview({ llm }: { llm: Llm }) {
  return (
    <div className="stack">
      <Tiles llm={llm} />
      <div className="columns">
        <div className="stack">
          <Connection llm={llm} />
          <Capabilities llm={llm} />
        </div>
        <div className="stack">
          <section className="card stack">
            <h2>{t.lastTest}</h2>
            <Stages test={llm.lastTest} />
            {llm.lastTest && <TestFacts test={llm.lastTest} />}
          </section>
          <Rest llm={llm} />
        </div>
      </div>
    </div>
  );
}

function Tiles({ llm }: { llm: Llm }) {
  const { may } = useCaller();
  const month = useMonth(llm.llmId, may("READ_USAGE"));
  const unpriced = (count: bigint) => count > 0n && <small>{text.llms.unpriced(formatNumber(count))}</small>;
  return (
    <dl className="tiles">
      <div className="tile">
        <dt>{text.llms.cost}</dt>
        <dd>
          {month ? <Spark values={month.costs} /> : null}
          {month ? formatCost(month.cost) : "…"}
          {month && unpriced(month.unpriced)}
          <small>{t.since(formatDay(startOfMonth()))}</small>
        </dd>
      </div>
      <div className="tile">
        <dt>{text.llms.totalCost}</dt>
        <dd>
          {formatCost(llm.totalCost)}
          {unpriced(llm.unpricedReplies)}
        </dd>
      </div>
      <div className="tile">
        <dt>{t.context}</dt>
        <dd>
          {llm.maxContextLength === undefined ? text.common.unknown : formatNumber(llm.maxContextLength)}
          <small>
            {llm.capabilitySources?.maxContextLength && text.sources[llm.capabilitySources.maxContextLength.source]}
          </small>
        </dd>
      </div>
      <div className="tile">
        <dt>{text.llms.modelState}</dt>
        <dd>
          {text.modelState[llm.modelState?.state ?? 0] ?? text.common.unknown}
          <small>{llm.modelState?.checkedAt !== undefined && formatAgo(llm.modelState.checkedAt)}</small>
        </dd>
      </div>
    </dl>
  );
}

function Connection({ llm }: { llm: Llm }) {
  const { may } = useCaller();
  const { data: provider } = useProvider(llm.providerId, llm.providerId !== "");
  const { data: found } = useRoutes(llm.llmId, may("READ_ROUTE"));
  const routes = found?.pages[0]?.routes ?? [];
  const key = llm.providerId
    ? t.keyOfProvider
    : llm.credentialsRef || llm.credentialsHint || (llm.hasCredentials ? "…" : t.noKey);
  return (
    <section className="card">
      <h2>{t.connection}</h2>
      <Facts>
        <Fact name={t.id}>
          <code>{llm.llmId}</code> <CopyButton value={llm.llmId} />
        </Fact>
        <Fact name={t.alias}>
          {llm.alias && (
            <>
              <code>{llm.alias}</code> <CopyButton value={llm.alias} />
            </>
          )}
        </Fact>
        <Fact name={text.llms.type}>{text.providerTypes[llm.providerType]}</Fact>
        <Fact name={t.provider}>
          {llm.providerId && (
            <Link href={`/providers?name=${llm.providerId}`}>{provider?.displayName ?? llm.providerId}</Link>
          )}
        </Fact>
        <Fact name={t.endpoint}>
          <code>{llm.endpointUrl}</code>
        </Fact>
        <Fact name={t.apiPath}>
          <code>{llm.apiPath}</code>
        </Fact>
        <Fact name={t.model}>
          <code>{llm.modelIdentifier}</code>
        </Fact>
        <Fact name={t.key}>
          <code>{key}</code>
        </Fact>
        <Fact name={t.monitoring}>{llm.monitoringEndpoint && <code>{llm.monitoringEndpoint}</code>}</Fact>
        <Fact name={t.waited}>
          {llm.patience &&
            t.waitedFor(llm.patience.firstPieceSeconds, llm.patience.betweenPiecesSeconds, llm.patience.wholeSeconds)}
        </Fact>
        <Fact name={t.routes}>
          {routes.length > 0 &&
            routes.map(({ routeId, displayName }) => (
              <Link key={routeId} className="listed" href={`/routes/${routeId}`}>
                {displayName}
              </Link>
            ))}
        </Fact>
        <Fact name={t.checked}>{llm.checkIntervalSeconds > 0 && t.everySeconds(llm.checkIntervalSeconds)}</Fact>
      </Facts>
    </section>
  );
}

function Capabilities({ llm }: { llm: Llm }) {
  const { capabilities, capabilitySources: sources } = llm;
  return (
    <section className="card stack">
      <h2>{t.capabilities}</h2>
      <p className="muted">{t.capabilitiesHint}</p>
      <Facts>
        {Object.entries(t.capability).map(([name, words]) => {
          const value = capabilities?.[name as "supportsChat"];
          const source = sources?.[name as "supportsChat"];
          return (
            <Fact key={name} name={words}>
              <Claim value={value} source={source} />
            </Fact>
          );
        })}
        <Fact name={t.takesIn}>
          {llm.supportedModalities.map((modality) => text.modalities[modality]).join(", ")}{" "}
          <Whose source={sources?.supportedModalities} />
        </Fact>
        <Fact name={t.webSearch}>{llm.supportsWebSearch && text.common.yes}</Fact>
      </Facts>
    </section>
  );
}

function Claim({ value, source }: { value: boolean | undefined; source: CapabilitySource | undefined }) {
  return (
    <>
      {value === undefined ? (
        <span className="muted">{text.common.unknown}</span>
      ) : (
        <Badge tone={value ? "ok" : ""}>{value ? text.common.yes : text.common.no}</Badge>
      )}{" "}
      <Whose source={source} />
    </>
  );
}

function Whose({ source }: { source: CapabilitySource | undefined }) {
  if (!source) return null;
  return (
    <span className="muted">
      {text.sources[source.source]}
      {source.disagreements.map(({ source, value }) => (
        <span key={source}> · {t.says(text.sources[source] ?? "", JSON.stringify(plain(value)))}</span>
      ))}
    </span>
  );
}

/** A google.protobuf.Value as a value of JavaScript. */
function plain(value: unknown): unknown {
  const kind = (value as { kind?: { case?: string; value: unknown } } | undefined)?.kind;
  if (kind?.case === "listValue") return (kind.value as { values: unknown[] }).values.map(plain);
  return kind?.value;
}

function Rest({ llm }: { llm: Llm }) {
  const sampling = Object.entries(llm.defaultSamplingParams ?? {})
    .filter(
      ([name, value]) => !name.startsWith("$") && value !== undefined && !(Array.isArray(value) && value.length === 0),
    )
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
  const price = llm.price
    ? (["input", "output", "cacheRead", "cacheWrite", "reasoning"] as const)
        .map((kind) => [kind, llm.price?.[kind]] as const)
        .filter(([, rate]) => rate)
        .map(([kind, rate]) => `${text.form[kind]} $${rate}`)
        .join(", ")
    : t.priceOfCatalog;
  const hasConfig = llm.clientConfig && Object.keys(llm.clientConfig).length > 0;
  return (
    <section className="card">
      <h2>{text.common.details}</h2>
      <Facts>
        <Fact name={t.description}>{llm.description}</Fact>
        <Fact name={t.labels}>
          {Object.keys(llm.labels).length > 0 && (
            <span className="row">
              {Object.entries(llm.labels).map(([key, value]) => (
                <Link key={key} className="badge" href={`/llms?label=${encodeURIComponent(`${key}=${value}`)}`}>
                  {key}={value}
                </Link>
              ))}
            </span>
          )}
        </Fact>
        <Fact name={t.version}>{llm.version}</Fact>
        <Fact name={t.price}>{price}</Fact>
        <Fact name={t.sampling}>{sampling}</Fact>
        <Fact name={t.clientConfig}>{hasConfig && <pre>{JSON.stringify(llm.clientConfig, null, 2)}</pre>}</Fact>
        <Fact name={t.owner}>
          <code>{llm.ownerId}</code>
        </Fact>
        <Fact name={t.created}>{formatTime(llm.createdAt)}</Fact>
        <Fact name={t.updated}>{formatTime(llm.updatedAt)}</Fact>
      </Facts>
    </section>
  );
}
