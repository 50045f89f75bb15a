import { type Preferences, prefer, usePreferences } from "../browser/preferences.ts";
import { Dialog } from "../parts/dialog.tsx";
import { CheckField, SelectField } from "../parts/fields.tsx";
import { text } from "../text.ts";

const t = text.keyboard;

export function KeyboardDialog({ onClose }: { onClose: () => void }) {
  const { theme, shortcuts } = usePreferences();
  return (
    <Dialog title={t.title} onClose={onClose}>
      <SelectField
        label={t.theme}
        value={theme}
        options={Object.entries(t.themes)}
        onChange={(event) => prefer({ theme: event.target.value as Preferences["theme"] })}
      />
      <CheckField
        label={t.shortcuts}
        checked={shortcuts}
        onChange={(event) => prefer({ shortcuts: event.target.checked })}
      />
      <dl className="facts-list">
        {t.list.map(([keys, deed]) => (
          <div key={keys} style={{ display: "contents" }}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{deed}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
