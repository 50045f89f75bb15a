import { useState } from "react";
import { Link, useParams, useSearchParams } from "wouter";
import { formatAgo, formatTime } from "../browser/format.ts";
import { go } from "../browser/place.ts";
import { requestOf } from "../calls/call.ts";
import { useCaller } from "../data/caller.ts";
import {
  type Llm,
  llmMethods,
  Status,
  useDeleteLlm,
  useLlm,
  useSetDefaultLlm,
  useTestLlm,
  useUndeleteLlm,
  useUpdateLlm,
} from "../data/llms.ts";
import { AsCode } from "../parts/as-code.tsx";
import { Badge, Button, Loading, ProblemNotice } from "../parts/basics.tsx";
import { Confirm, Menu, type MenuAction, Tabs } from "../parts/dialog.tsx";
import { ModelBadge, StatusBadge } from "../parts/llm-badges.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { text } from "../text.ts";
import { AuditOfLlm } from "./llm/audit.tsx";
import { Keys } from "./llm/keys.tsx";
import { Overview } from "./llm/overview.tsx";
import { Sessions } from "./llm/sessions.tsx";
import { Tests } from "./llm/tests.tsx";
import { UsageOfLlm } from "./llm/usage.tsx";
import { UseIt } from "./llm/use-it.tsx";

const t = text.llm;

export default function LlmPage() {
  const { llmId = "" } = useParams<{ llmId: string }>();
  const [query] = useSearchParams();
  const { caller, may } = useCaller();
  const {
    data: llm,
    error,
    isPending,
    refetch,
  } = useLlm(llmId, {
    showDeleted: may("DELETE_LLM"),
    isEnabled: caller !== undefined,
  });
  if (isPending && !error) return <Frame>{<Loading />}</Frame>;
  if (error || !llm) {
    return (
      <Frame>
        <ProblemNotice error={error} onRetry={() => void refetch()} />
      </Frame>
    );
  }
  const tabs = [
    { id: "overview", name: t.tabs.overview, isShown: true, content: () => <Overview llm={llm} /> },
    { id: "tests", name: t.tabs.tests, isShown: may("TEST_LLM"), content: () => <Tests llm={llm} /> },
    { id: "usage", name: t.tabs.usage, isShown: may("READ_USAGE"), content: () => <UsageOfLlm llm={llm} /> },
    { id: "keys", name: t.tabs.keys, isShown: may("ROTATE_LLM"), content: () => <Keys llm={llm} /> },
    { id: "sessions", name: t.tabs.sessions, isShown: may("READ_SESSION"), content: () => <Sessions llm={llm} /> },
    { id: "audit", name: t.tabs.audit, isShown: may("READ_AUDIT_EVENT"), content: () => <AuditOfLlm llm={llm} /> },
    { id: "use", name: t.tabs.use, isShown: may("USE_LLM"), content: () => <UseIt llm={llm} /> },
  ].filter(({ isShown }) => isShown);
  const tab = query.get("tab") ?? "overview";
  return (
    <Frame>
      <Head llm={llm} />
      <Tabs
        label={llm.displayName}
        tabs={tabs}
        selected={tabs.some(({ id }) => id === tab) ? tab : "overview"}
        onSelect={(id) => go(`/llms/${llmId}${id === "overview" ? "" : `?tab=${id}`}`, { replace: true })}
      />
    </Frame>
  );
}

function Frame({ children }: { children: React.ReactNode }) {
  return <div className="page">{children}</div>;
}

function Head({ llm }: { llm: Llm }) {
  const { may } = useCaller();
  const { llmId } = llm;
  const update = useUpdateLlm();
  const undelete = useUndeleteLlm();
  const setDefault = useSetDefaultLlm();
  const test = useTestLlm();
  const [isDeleting, setDeleting] = useState(false);
  const isDeleted = llm.deletedAt !== undefined;
  const isDisabled = llm.status === Status.DISABLED;

  const actions: MenuAction[] = [];
  if (may("SET_DEFAULT_LLM") && !llm.isDefault) {
    actions.push({ name: t.setDefault, run: () => setDefault.mutate({ llmId }) });
  }
  if (may("UPDATE_LLM")) {
    const disabled = !isDisabled;
    actions.push({ name: disabled ? t.disable : t.enable, run: () => update.mutate({ llmId, disabled }) });
  }
  if (may("DELETE_LLM")) actions.push({ name: t.remove, run: () => setDeleting(true), isDangerous: true });

  return (
    <>
      <PageHead
        title={llm.displayName}
        beside={
          <>
            <StatusBadge status={llm.status} />
            {llm.isDefault && <Badge tone="accent">{text.llms.default}</Badge>}
            <ModelBadge llm={llm} />
          </>
        }
      >
        {!isDeleted && (
          <>
            <AsCode
              isSmall={false}
              method={llmMethods.getLlm}
              request={() => requestOf(llmMethods.getLlm, { llmId })}
            />
            {may("TEST_LLM") && (
              <Button
                disabled={test.isPending}
                onClick={() => {
                  test.mutate({ llmId });
                  go(`/llms/${llmId}?tab=tests`);
                }}
              >
                {text.common.test}
              </Button>
            )}
            {may("UPDATE_LLM") && (
              <Link className="button" href={`/llms/${llmId}/edit`}>
                {text.common.edit}
              </Link>
            )}
            <Menu label={text.common.actions} actions={actions} />
            {may("USE_LLM") && (
              <Link className="button primary" href={`/playground?llm=${llmId}`}>
                {t.chat}
              </Link>
            )}
          </>
        )}
      </PageHead>
      {isDeleted && (
        <div className="notice warn row" role="status">
          <span className="grow">{t.deletedAt(formatAgo(llm.deletedAt ?? 0n), formatTime(llm.purgeAt ?? 0n))}</span>
          {may("DELETE_LLM") && (
            <Button isSmall disabled={undelete.isPending} onClick={() => undelete.mutate({ llmId })}>
              {t.undelete}
            </Button>
          )}
        </div>
      )}
      <ModelNotice llm={llm} />
      <ProblemNotice error={update.error ?? undelete.error ?? setDefault.error ?? test.error} />
      {isDeleting && <DeleteLlm llm={llm} onClose={() => setDeleting(false)} />}
    </>
  );
}

function DeleteLlm({ llm, onClose }: { llm: Llm; onClose: () => void }) {
  const remove = useDeleteLlm();
  const { llmId, etag } = llm;
  return (
    <Confirm
      title={t.deleteTitle(llm.displayName)}
      hint={t.deleteHint}
      action={text.common.delete}
      onClose={onClose}
      isBusy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate({ llmId, etag }, { onSuccess: () => go("/llms") })}
    >
      <AsCode method={llmMethods.deleteLlm} request={() => requestOf(llmMethods.deleteLlm, { llmId, etag })} />
    </Confirm>
  );
}

function ModelNotice({ llm }: { llm: Llm }) {
  const { retiresAt = "", successor = "" } = llm.modelState ?? {};
  if (!llm.modelDeprecated || (!retiresAt && !successor)) return null;
  return (
    <div className="notice warn">
      {retiresAt && t.modelEnds(retiresAt)} {successor && t.successor(successor)}
    </div>
  );
}
