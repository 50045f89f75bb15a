import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { formatCost, formatMs, formatNumber } from "../browser/format.ts";
import { go } from "../browser/place.ts";
import { requestOf } from "../calls/call.ts";
import { useCaller } from "../data/caller.ts";
import { type ChatRequestInit, type Conversation, type Said, toMessage, useConversation } from "../data/chat/chat.ts";
import { Message_Role, ResponseFormat_Type } from "../data/chat/chat-words.ts";
import { chatMethods } from "../data/chat/sessions.ts";
import { useLlms } from "../data/llms.ts";
import { AsCode } from "../parts/as-code.tsx";
import { Badge, Button, CopyButton, Empty, ProblemNotice } from "../parts/basics.tsx";
import { SelectField, TextArea, TextField } from "../parts/fields.tsx";
import { LlmPicker } from "../parts/llm-picker.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { text } from "../text.ts";

const t = text.playground;

/** What goes with each request, as it was typed. */
interface Form {
  readonly system: string;
  readonly temperature: string;
  readonly topP: string;
  readonly maxTokens: string;
  readonly stop: string;
  readonly tools: string;
  readonly format: string;
  readonly schema: string;
}

const BLANK: Form = {
  system: "",
  temperature: "",
  topP: "",
  maxTokens: "",
  stop: "",
  tools: "",
  format: "text",
  schema: "",
};

type Image = NonNullable<Said["images"]>[number] & { readonly name: string; readonly url: string };

export default function PlaygroundPage() {
  const { may } = useCaller();
  const [query] = useSearchParams();
  const first = useLlms({});
  const fallback = first.data?.pages[0]?.llms[0]?.llmId ?? "";
  const ids = [query.get("llm") || fallback, query.get("llm2") ?? ""];
  const isDouble = query.has("llm2");
  const [form, setForm] = useState(BLANK);
  const [isOpen, setOpen] = useState(false);
  const [typed, setTyped] = useState("");
  const [images, setImages] = useState<readonly Image[]>([]);
  const [complaint, setComplaint] = useState("");
  const conversations = [useConversation(), useConversation()] as const;
  const shown = isDouble ? conversations : conversations.slice(0, 1);
  const isRunning = shown.some((conversation) => conversation.isRunning);
  const input = useRef<HTMLTextAreaElement>(null);

  const choose = (index: number, llmId: string) => {
    const next = new URLSearchParams(query);
    next.set(index === 0 ? "llm" : "llm2", llmId);
    go(`/playground?${next}`, { replace: true });
  };
  const compare = () => {
    const next = new URLSearchParams(query);
    if (isDouble) next.delete("llm2");
    else next.set("llm2", fallback);
    go(`/playground?${next}`, { replace: true });
  };

  const requestFor = (index: number): ChatRequestInit => ({ llmId: ids[index] ?? "", ...readForm(form) });
  const say = () => {
    setComplaint("");
    try {
      for (const [index, { said, send }] of shown.entries()) {
        const system = form.system && said.length === 0 ? [{ role: Message_Role.SYSTEM, text: form.system }] : [];
        const user = { role: Message_Role.USER, text: typed, ...(images.length > 0 && { images }) };
        void send(requestFor(index), [...system, user]);
      }
      setTyped("");
      setImages([]);
      input.current?.focus();
    } catch (error) {
      setComplaint((error as Error).message);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if ((typed.trim() || images.length > 0) && !isRunning) say();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) submit(event);
  };
  const attach = async (files: FileList | null) => {
    const read = async (file: File): Promise<Image> => ({
      name: file.name,
      mediaType: file.type,
      data: new Uint8Array(await file.arrayBuffer()),
      url: URL.createObjectURL(file),
    });
    const added = await Promise.all([...(files ?? [])].map(read));
    setImages((before) => [...before, ...added]);
  };
  const code = () => {
    const user = { role: Message_Role.USER, text: typed || "Hello", ...(images.length > 0 && { images }) };
    const system = form.system ? [{ role: Message_Role.SYSTEM, text: form.system }] : [];
    const before = conversations[0].said.filter(({ error }) => !error);
    const messages = [...(before.length > 0 ? before : system), user].map(toMessage);
    return requestOf(chatMethods.streamChat, { ...requestFor(0), messages });
  };

  if (first.data && fallback === "" && !query.get("llm")) {
    return (
      <div className="page">
        <h1>{t.title}</h1>
        <Empty title={text.llms.emptyTitle} hint={text.llms.emptyHint}>
          {may("CREATE_LLM") && (
            <Button tone="primary" onClick={() => go("/connect")}>
              {text.llms.connect}
            </Button>
          )}
        </Empty>
      </div>
    );
  }
  return (
    <div className="page full">
      <PageHead title={t.title}>
        <AsCode method={chatMethods.streamChat} request={code} isSmall={false} />
        <Button aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {t.settings}
        </Button>
        <Button aria-pressed={isDouble} onClick={compare}>
          {isDouble ? t.single : t.compare}
        </Button>
        <Button onClick={() => shown.forEach(({ clear }) => void clear())}>{t.clear}</Button>
      </PageHead>
      {isOpen && <Parameters form={form} onChange={(changes) => setForm({ ...form, ...changes })} />}
      <div className="panes">
        {shown.map((conversation, index) => (
          <Pane
            // biome-ignore lint/suspicious/noArrayIndexKey: the first and the second are what they are
            key={index}
            llmId={ids[index] ?? ""}
            onChoose={(llmId) => choose(index, llmId)}
            conversation={conversation}
            onResults={(results) => void conversation.send(requestFor(index), results)}
          />
        ))}
      </div>
      <form className="composer stack tight" onSubmit={submit}>
        {complaint && (
          <div className="notice bad" role="alert">
            {complaint}
          </div>
        )}
        {images.length > 0 && (
          <div className="thumbs">
            {images.map((image) => (
              <Button
                key={image.url}
                isSmall
                aria-label={t.remove(image.name)}
                onClick={() => setImages(images.filter((other) => other !== image))}
              >
                <img src={image.url} alt={image.name} /> ✕
              </Button>
            ))}
          </div>
        )}
        <div className="row">
          <div className="grow">
            <TextArea
              ref={input}
              label={t.message}
              isLabelHidden
              rows={Math.min(8, Math.max(2, typed.split("\n").length))}
              placeholder={t.messageHint}
              value={typed}
              autoFocus
              onChange={(event) => setTyped(event.target.value)}
              onKeyDown={onKey}
            />
          </div>
          <label className="button">
            {t.attach}
            <input
              type="file"
              className="hidden-label"
              accept="image/*"
              multiple
              onChange={(event) => {
                void attach(event.target.files);
                event.target.value = "";
              }}
            />
          </label>
          {isRunning ? (
            <Button onClick={() => shown.forEach(({ stop }) => void stop())}>{t.stop}</Button>
          ) : (
            <Button type="submit" tone="primary" disabled={!typed.trim() && images.length === 0}>
              {t.send}
            </Button>
          )}
        </div>
      </form>
    </div>
  );
}

function Parameters({ form, onChange }: { form: Form; onChange: (changes: Partial<Form>) => void }) {
  const field = (name: keyof Form) => ({
    value: form[name],
    onChange: (event: { target: { value: string } }) => onChange({ [name]: event.target.value }),
  });
  return (
    <div className="card stack">
      <div className="grid-3">
        <TextField label={text.form.temperature} inputMode="decimal" {...field("temperature")} />
        <TextField label={text.form.topP} inputMode="decimal" {...field("topP")} />
        <TextField label={text.form.maxTokens} inputMode="numeric" {...field("maxTokens")} />
        <SelectField label={t.format} options={Object.entries(t.formats)} {...field("format")} />
        <TextField label={text.form.stop} {...field("stop")} />
      </div>
      <div className="grid-2">
        <TextArea label={t.system} {...field("system")} />
        <TextArea label={t.tools} hint={t.toolsHint} className="mono" {...field("tools")} />
        {form.format === "schema" && <TextArea label={t.schema} className="mono" {...field("schema")} />}
      </div>
    </div>
  );
}

/** Throws a sentence for people if it cannot be read. */
function readForm(form: Form): ChatRequestInit {
  const number = (value: string, name: string) => {
    if (value.trim() === "") return undefined;
    if (!Number.isFinite(Number(value))) throw new Error(`${name}: ${text.form.numberBad}`);
    return Number(value);
  };
  const temperature = number(form.temperature, text.form.temperature);
  const topP = number(form.topP, text.form.topP);
  const maxTokens = number(form.maxTokens, text.form.maxTokens);
  const samplingParams = {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(maxTokens !== undefined && { maxTokens }),
    ...(form.stop && { stopSequences: [form.stop] }),
  };
  return {
    ...(Object.keys(samplingParams).length > 0 && { samplingParams }),
    ...(form.tools.trim() && { tools: readTools(form.tools) }),
    ...(form.format === "object" && { responseFormat: { type: ResponseFormat_Type.JSON_OBJECT } }),
    ...(form.format === "schema" && {
      responseFormat: { type: ResponseFormat_Type.JSON_SCHEMA, jsonSchema: { schema: readObject(form.schema) } },
    }),
  };
}

function readTools(value: string) {
  try {
    const tools = JSON.parse(value) as { name: string; description?: string; parameters?: never }[];
    if (!Array.isArray(tools) || tools.some((tool) => typeof tool?.name !== "string")) throw new SyntaxError();
    return tools;
  } catch {
    throw new Error(t.badTools);
  }
}

function readObject(value: string): never {
  try {
    const schema: unknown = JSON.parse(value);
    if (typeof schema !== "object" || schema === null || Array.isArray(schema)) throw new SyntaxError();
    return schema as never;
  } catch {
    throw new Error(t.badSchema);
  }
}

interface PaneProps {
  readonly llmId: string;
  readonly onChoose: (llmId: string) => void;
  readonly conversation: Conversation;
  readonly onResults: (results: readonly Omit<Said, "id">[]) => void;
}

function Pane({ llmId, onChoose, conversation, onResults }: PaneProps) {
  const { said, isRunning } = conversation;
  const end = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is said moves the end
  useEffect(() => {
    end.current?.scrollIntoView({ block: "end" });
  }, [said]);
  const last = said.at(-1);
  return (
    <section className="pane" aria-label={t.model}>
      <header>
        <LlmPicker llmId={llmId} onChange={onChoose} />
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div className="talk" role="log" tabIndex={0} aria-label={t.title} aria-busy={isRunning}>
        {said.length === 0 && <Empty title={t.empty} />}
        {said.map((one) => (
          <Words key={one.id} said={one} />
        ))}
        {!isRunning && last?.toolCalls && <Results calls={last.toolCalls} onSend={onResults} />}
        <div ref={end} />
      </div>
    </section>
  );
}

function Words({ said }: { said: Said }) {
  const isReply = said.role === Message_Role.ASSISTANT;
  return (
    <article className={`said ${said.role === Message_Role.USER ? "user" : ""}`}>
      <span className="hidden-label">{isReply ? t.model : said.role === Message_Role.USER ? t.you : ""}</span>
      {said.role === Message_Role.SYSTEM && <Badge>{t.system}</Badge>}
      {said.role === Message_Role.TOOL && <Badge>{t.toolResult(said.toolCallId ?? "")}</Badge>}
      {said.reasoning && (
        <details className="reasoning" open={!said.text}>
          <summary>{t.reasoning}</summary>
          <div className="text">{said.reasoning}</div>
        </details>
      )}
      {said.images?.map(({ data, mediaType }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they never change
        <Picture key={index} data={data} mediaType={mediaType} />
      ))}
      <div className="text">{said.text}</div>
      {said.toolCalls?.map((call) => (
        <pre key={call.toolCallId}>
          {call.name}({call.arguments})
        </pre>
      ))}
      {isReply && <Meta said={said} />}
      <ProblemNotice error={said.error} />
    </article>
  );
}

function Picture({ data, mediaType }: { data: Uint8Array<ArrayBuffer>; mediaType: string }) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([data], { type: mediaType }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [data, mediaType]);
  return url ? <img src={url} alt="" /> : null;
}

function Meta({ said }: { said: Said }) {
  if (!said.isOver) return said.text || said.reasoning ? null : <div className="meta">{t.waiting}</div>;
  const { inputTokens, outputTokens, cost } = said;
  const count = (tokens: bigint | undefined) => (tokens === undefined ? "?" : formatNumber(tokens));
  return (
    <div className="meta">
      {said.isStopped && <Badge tone="warn">{t.stopped}</Badge>}
      {said.stopReason !== undefined && t.stopReason[said.stopReason] && (
        <Badge tone="warn">{t.stopReason[said.stopReason]}</Badge>
      )}
      {said.isOverBudget && <Badge tone="warn">{t.overBudget}</Badge>}
      {said.model && <code>{said.model}</code>}
      {said.firstMs !== undefined && <span>{t.firstToken(formatMs(said.firstMs))}</span>}
      {said.tookMs !== undefined && <span>{t.took(formatMs(said.tookMs))}</span>}
      {(inputTokens !== undefined || outputTokens !== undefined) && (
        <span>
          {t.tokens(count(inputTokens), count(outputTokens))}
          {said.isEstimated && ` (${t.estimated})`}
        </span>
      )}
      {said.stopReason !== undefined && <span>{cost === undefined ? t.unpriced : formatCost(cost)}</span>}
      {said.text && <CopyButton value={said.text} />}
    </div>
  );
}

function Results({ calls, onSend }: { calls: NonNullable<Said["toolCalls"]>; onSend: PaneProps["onResults"] }) {
  const [results, setResults] = useState<Record<string, string>>({});
  return (
    <form
      className="stack tight"
      onSubmit={(event) => {
        event.preventDefault();
        onSend(
          calls.map(({ toolCallId }) => ({ role: Message_Role.TOOL, toolCallId, text: results[toolCallId] ?? "" })),
        );
      }}
    >
      {calls.map(({ toolCallId, name }) => (
        <TextArea
          key={toolCallId}
          label={t.toolResult(name)}
          rows={2}
          value={results[toolCallId] ?? ""}
          onChange={(event) => setResults({ ...results, [toolCallId]: event.target.value })}
        />
      ))}
      <Button type="submit">{t.answerTools}</Button>
    </form>
  );
}
