import * as Ariakit from "@ariakit/react";
import type { ReactNode } from "react";
import { text } from "../text.ts";
import { Button, ProblemNotice } from "./basics.tsx";

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly footer?: ReactNode;
  readonly shape?: "wide" | "drawer";
}

/** A modal dialog: the focus stays in it and goes back to where it came from; Escape closes it. */
export function Dialog({ title, onClose, children, footer, shape }: DialogProps) {
  return (
    <Ariakit.Dialog
      open
      onClose={onClose}
      className={`dialog ${shape ?? ""}`}
      backdrop={<div className="backdrop" />}
      preventBodyScroll={false}
    >
      <header>
        <Ariakit.DialogHeading>{title}</Ariakit.DialogHeading>
        <Ariakit.DialogDismiss className="button small" aria-label={text.common.close}>
          <span aria-hidden="true">✕</span>
        </Ariakit.DialogDismiss>
      </header>
      <div className="body">{children}</div>
      {footer && <footer>{footer}</footer>}
    </Ariakit.Dialog>
  );
}

interface ConfirmProps {
  readonly title: string;
  readonly hint: string;
  readonly action: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
  readonly isBusy: boolean;
  readonly error: unknown;
  readonly children?: ReactNode;
  readonly isDangerous?: boolean;
}

export function Confirm({
  title,
  hint,
  action,
  onConfirm,
  onClose,
  isBusy,
  error,
  children,
  isDangerous = true,
}: ConfirmProps) {
  return (
    <Dialog
      title={title}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{text.common.cancel}</Button>
          <Button tone={isDangerous ? "danger" : "primary"} onClick={onConfirm} disabled={isBusy}>
            {action}
          </Button>
        </>
      }
    >
      <p>{hint}</p>
      {children}
      <ProblemNotice error={error} />
    </Dialog>
  );
}

export interface MenuAction {
  readonly name: string;
  readonly run: () => void;
  readonly isDangerous?: boolean;
}

export function Menu({
  label,
  actions,
  isSmall,
}: {
  label: string;
  actions: readonly MenuAction[];
  isSmall?: boolean;
}) {
  if (actions.length === 0) return null;
  return (
    <Ariakit.MenuProvider>
      <Ariakit.MenuButton className={`button ${isSmall ? "small" : ""}`}>
        {label}
        <span aria-hidden="true">▾</span>
      </Ariakit.MenuButton>
      <Ariakit.Menu gutter={4} className="menu" portal>
        {actions.map(({ name, run, isDangerous }) => (
          <Ariakit.MenuItem key={name} className={`menu-item ${isDangerous ? "danger" : ""}`} onClick={run}>
            {name}
          </Ariakit.MenuItem>
        ))}
      </Ariakit.Menu>
    </Ariakit.MenuProvider>
  );
}

interface ChecksProps {
  readonly label: string;
  readonly options: readonly { readonly id: string; readonly name: string; readonly isOn: boolean }[];
  readonly onToggle: (id: string) => void;
  /** Whether it is open from the beginning. */
  readonly isOpen: boolean;
}

/** A menu of things that are on or off. */
export function CheckMenu({ label, options, onToggle, isOpen }: ChecksProps) {
  return (
    <Ariakit.MenuProvider defaultOpen={isOpen} values={{ on: options.filter(({ isOn }) => isOn).map(({ id }) => id) }}>
      <Ariakit.MenuButton className="button">
        {label}
        <span aria-hidden="true">▾</span>
      </Ariakit.MenuButton>
      <Ariakit.Menu gutter={4} className="menu" portal autoFocusOnShow>
        {options.map(({ id, name }) => (
          <Ariakit.MenuItemCheckbox
            key={id}
            name="on"
            value={id}
            className="menu-item"
            hideOnClick={false}
            onClick={() => onToggle(id)}
          >
            <span className="check-mark">
              <Ariakit.MenuItemCheck />
            </span>
            {name}
          </Ariakit.MenuItemCheckbox>
        ))}
      </Ariakit.Menu>
    </Ariakit.MenuProvider>
  );
}

interface TabsProps {
  readonly label: string;
  readonly tabs: readonly { readonly id: string; readonly name: string; readonly content: () => ReactNode }[];
  readonly selected: string;
  readonly onSelect: (id: string) => void;
}

export function Tabs({ label, tabs, selected, onSelect }: TabsProps) {
  return (
    <Ariakit.TabProvider selectedId={selected} setSelectedId={(id) => id && onSelect(id)} selectOnMove={false}>
      <Ariakit.TabList className="tabs" aria-label={label}>
        {tabs.map(({ id, name }) => (
          <Ariakit.Tab key={id} id={id} className="tab">
            {name}
          </Ariakit.Tab>
        ))}
      </Ariakit.TabList>
      {tabs
        .filter(({ id }) => id === selected)
        .map(({ id, content }) => (
          <Ariakit.TabPanel key={id} tabId={id} className="tab-panel">
            {content()}
          </Ariakit.TabPanel>
        ))}
    </Ariakit.TabProvider>
  );
}
