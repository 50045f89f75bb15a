/** The service that keys stand under in the keychain. */
const SERVICE = "patchbay";

/** The operating system's keychain. Where there is none, or it is locked, nothing is kept and `set` says so. */
export const keychain = {
  /** Whether it was kept. */
  async set(name: string, secret: string): Promise<boolean> {
    try {
      await (await entry(name)).setPassword(secret);
      return (await keychain.get(name)) === secret;
    } catch {
      return false; // No keychain runs here: the caller has another place.
    }
  },

  async get(name: string): Promise<string | null> {
    return (await entry(name)).getPassword();
  },

  async delete(name: string): Promise<void> {
    await (await entry(name)).deletePassword();
  },
};

/** On Linux only a Secret Service: the kernel's key ring, which the library would fall back to, forgets on logout. */
async function entry(name: string) {
  const { AsyncEntry } = await import("@napi-rs/keyring");
  return new AsyncEntry(SERVICE, name, { linux: { store: "secret-service" } });
}
