import { type ButtonHTMLAttributes, type ReactNode, useEffect, useState } from "react";
import { problemOf } from "../calls/problem.ts";
import { text } from "../text.ts";

export type Tone = "ok" | "warn" | "bad" | "accent" | "";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  tone?: "primary" | "danger" | undefined;
  isSmall?: boolean;
};

export function Button({ tone, isSmall, className = "", type = "button", ...rest }: ButtonProps) {
  const classes = ["button", tone, isSmall && "small", className].filter(Boolean).join(" ");
  return <button type={type} className={classes} {...rest} />;
}

/** How something is: a shape of its own for each tone, and a word. */
export function Badge({ tone = "", children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span className={`badge ${tone}`}>
      {tone !== "accent" && <Mark tone={tone} />}
      {children}
    </span>
  );
}

/** How much of something is used, in percent; what is over the whole fills it. */
export function Meter({ label, percent, tone }: { label: string; percent: number; tone: Tone }) {
  return <meter className={`meter ${tone}`} aria-label={label} min={0} max={100} value={Math.min(100, percent)} />;
}

const SHAPES: Record<Tone, string> = {
  ok: "M3 6.5 5 8.5 9 4",
  warn: "M6 2.8v4 M6 8.8v.4",
  bad: "M3.2 3.2l5.6 5.6 M8.8 3.2l-5.6 5.6",
  accent: "M3 6h6",
  "": "M3.5 6h5",
};

export function Mark({ tone }: { tone: Tone }) {
  return (
    <svg className="mark" viewBox="0 0 12 12" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="1.6">
      <path d={SHAPES[tone]} strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}

/** The server's own sentence, with its reason and the id that its log has. */
export function ProblemNotice({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  if (!error) return null;
  const { message, reason, requestId, fields } = problemOf(error);
  return (
    <div className="notice bad" role="alert">
      <div>{message || text.common.noAnswer}</div>
      {fields.length > 0 && (
        <ul>
          {fields.map(({ field, description }) => (
            <li key={field + description}>
              <code>{field}</code> {description}
            </li>
          ))}
        </ul>
      )}
      <div className="facts row">
        {reason && (
          <span>
            {text.common.reason} <code>{reason}</code>
          </span>
        )}
        {requestId && (
          <span>
            {text.common.requestId} <code>{requestId}</code>
          </span>
        )}
        {onRetry && (
          <Button isSmall onClick={onRetry}>
            {text.common.retry}
          </Button>
        )}
      </div>
    </div>
  );
}

interface EmptyProps {
  readonly title: string;
  readonly hint?: string | undefined;
  readonly children?: ReactNode;
}

/** Says that there is nothing, and what to do about it. */
export function Empty({ title, hint, children }: EmptyProps) {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {hint && <span>{hint}</span>}
      {children && <div className="row">{children}</div>}
    </div>
  );
}

export function Loading() {
  return (
    <p className="muted" role="status">
      {text.common.loading}
    </p>
  );
}

export function CopyButton({ value, isSmall = true, label }: { value: string; isSmall?: boolean; label?: string }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), 1_500);
    return () => clearTimeout(timer);
  }, [isCopied]);
  return (
    <Button isSmall={isSmall} onClick={() => void copy(value).then(() => setCopied(true))}>
      {isCopied ? text.common.copied : (label ?? text.common.copy)}
    </Button>
  );
}

/** Also where a page is not trusted with the clipboard, as one without TLS is. */
async function copy(value: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(value);
  const area = document.createElement("textarea");
  area.value = value;
  area.className = "hidden-label";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function CodeBlock({ value, label }: { value: string; label: string }) {
  return (
    <div className="code">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section tabIndex={0} aria-label={label}>
        <pre>{value}</pre>
      </section>
      <CopyButton value={value} />
    </div>
  );
}

export function Facts({ children }: { children: ReactNode }) {
  return <dl className="facts-list">{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  if (children === "" || children === undefined || children === null || children === false) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
