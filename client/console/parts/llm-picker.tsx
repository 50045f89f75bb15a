import * as Ariakit from "@ariakit/react";
import { useDeferredValue, useState } from "react";
import { Direction, OrderBy, useLlm, useLlms } from "../data/llms.ts";
import { text } from "../text.ts";
import { StatusBadge } from "./llm-badges.tsx";

const t = text.playground;

interface LlmPickerProps {
  readonly llmId: string;
  readonly onChange: (llmId: string) => void;
  /** What it says while none is chosen. */
  readonly placeholder?: string;
}

/** Finds one of any number of Llms by typing. */
export function LlmPicker({ llmId, onChange, placeholder = t.chooseLlm }: LlmPickerProps) {
  const [typed, setTyped] = useState("");
  const { data: llm, isError } = useLlm(llmId);
  // What is no Llm may be a route.
  const name = llm?.displayName ?? (isError ? llmId : placeholder);
  const search = useDeferredValue(typed);
  const { data } = useLlms({ search, orderBy: OrderBy.UPDATED_AT, direction: Direction.DESC });
  const found = data?.pages[0]?.llms.slice(0, 30) ?? [];
  return (
    <Ariakit.ComboboxProvider resetValueOnHide includesBaseElement={false} setValue={setTyped}>
      <Ariakit.SelectProvider value={llmId} setValue={onChange}>
        <Ariakit.Select className="button grow-0 cut" aria-label={`${t.chooseLlm}: ${name}`}>
          {name}
          <span aria-hidden="true">▾</span>
        </Ariakit.Select>
        <Ariakit.SelectPopover gutter={4} className="popover picker" portal>
          <Ariakit.Combobox autoSelect className="input" placeholder={t.searchLlm} aria-label={t.searchLlm} />
          <Ariakit.ComboboxList>
            {found.map((one) => (
              <Ariakit.ComboboxItem
                key={one.llmId}
                className="menu-item"
                render={<Ariakit.SelectItem value={one.llmId} />}
              >
                <span className="cut">{one.displayName}</span>
                <code className="muted cut grow">{one.modelIdentifier}</code>
                <StatusBadge status={one.status} />
              </Ariakit.ComboboxItem>
            ))}
          </Ariakit.ComboboxList>
        </Ariakit.SelectPopover>
      </Ariakit.SelectProvider>
    </Ariakit.ComboboxProvider>
  );
}
