/** What the server says to its console in the page itself. */
export interface ConsoleSettings {
  /** Where people can sign in without a key; undefined where there is no such place. */
  readonly oidc?: {
    readonly issuer: string;
    readonly clientId: string;
    readonly audience: string;
    readonly scope: string;
  };
}

export const settings: ConsoleSettings = (() => {
  const content = document.querySelector<HTMLMetaElement>('meta[name="patchbay-settings"]')?.content;
  return content ? (JSON.parse(content) as ConsoleSettings) : {};
})();
