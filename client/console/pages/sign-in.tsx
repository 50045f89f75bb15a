import { type FormEvent, useEffect, useRef, useState } from "react";
import { call } from "../calls/call.ts";
import { lastWords, signIn } from "../calls/session.ts";
import { settings } from "../calls/settings.ts";
import { serverUrl } from "../calls/transport.ts";
import { accessMethods } from "../data/access/access.ts";
import { Button, CodeBlock, ProblemNotice } from "../parts/basics.tsx";
import { TextField } from "../parts/fields.tsx";
import { Logo } from "../parts/logo.tsx";
import { text } from "../text.ts";

const t = text.signIn;

/** Only who signs in at an issuer needs the code for it. */
const oidcFlow = () => import("../calls/oidc.ts");
/** Whether the page was opened by an issuer that sends somebody back. */
const isComingBack = () => /[?&](code|error)=/.test(location.search);

export function SignIn() {
  const [key, setKey] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [shape, setShape] = useState("");
  const farewell = lastWords();
  const isBack = useRef(false);

  useEffect(() => {
    document.title = `${t.title} · ${text.product}`;
    if (!settings.oidc || !isComingBack() || isBack.current) return;
    isBack.current = true;
    setBusy(true);
    oidcFlow()
      .then(({ comeBack }) => settings.oidc && comeBack(settings.oidc))
      .catch((error: Error) => {
        setBusy(false);
        setShape(`${t.oidcFailed} ${error.message}`);
      });
  }, []);

  const leave = () =>
    oidcFlow()
      .then(({ leaveForIssuer }) => settings.oidc && leaveForIssuer(settings.oidc))
      .catch((error: Error) => setShape(`${t.oidcFailed} ${error.message}`));

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const bearer = key.trim();
    setError(undefined);
    setShape("");
    if (!bearer.startsWith("pb_")) return setShape(t.badShape);
    setBusy(true);
    try {
      // Nothing is shown, and nothing is kept, before the server has said who this is.
      await call(accessMethods.getCaller, {}, { headers: { authorization: `Bearer ${bearer}` } });
      signIn({ bearer, kind: "key" });
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };

  return (
    <main className="sign-in">
      <form className="card" onSubmit={(event) => void submit(event)}>
        <span className="brand">
          <Logo />
          {text.product}
        </span>
        <h1>{t.title}</h1>
        {farewell && !error && (
          <div className="notice warn" role="alert">
            {farewell}
          </div>
        )}
        {settings.oidc && (
          <>
            <Button tone="primary" disabled={isBusy} onClick={leave}>
              {t.oidc(new URL(settings.oidc.issuer).host)}
            </Button>
            <span className="muted">{t.or}</span>
          </>
        )}
        <TextField
          label={t.key}
          hint={t.keyHint}
          error={shape || undefined}
          type="password"
          name="key"
          value={key}
          autoFocus
          required
          placeholder="pb_live_…"
          onChange={(event) => setKey(event.target.value)}
        />
        <ProblemNotice error={error} />
        <Button type="submit" tone={settings.oidc ? undefined : "primary"} disabled={isBusy}>
          {isBusy ? t.checking : t.submit}
        </Button>
        <p className="muted">{t.curlHint}</p>
        <CodeBlock value={`curl -H "authorization: Bearer $KEY" ${serverUrl}/v1/caller`} label="curl" />
      </form>
    </main>
  );
}
