import { chmodSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../test/base/temporary-folder.ts";
import { KeyRingError } from "./key-ring.ts";
import { KeyRingFile } from "./key-ring-file.ts";

const context = ["wrapped_key", "owner", "id"];

let folder: ReturnType<typeof makeTemporaryFolder>;
beforeAll(() => {
  folder = makeTemporaryFolder("keys");
});
afterAll(() => folder.remove());

const fileOf = (name: string) => join(folder.path, name);
const open = async (file: string) => (await KeyRingFile.open(file)) as KeyRingFile;

describe("the file of a key ring", () => {
  it("is made for nobody else to read, and read again", async () => {
    const made = await KeyRingFile.make(fileOf("new"));
    expect(statSync(fileOf("new")).mode & 0o777).toBe(0o600);
    expect((await open(fileOf("new"))).keys).toEqual(made.keys);
  });

  it("is never made over another", async () => {
    await KeyRingFile.make(fileOf("existing"));
    const before = readFileSync(fileOf("existing"), "utf8");
    await expect(KeyRingFile.make(fileOf("existing"))).rejects.toThrow("EEXIST");
    expect(readFileSync(fileOf("existing"), "utf8")).toBe(before);
  });

  it("may be absent", async () => {
    expect(await KeyRingFile.open(fileOf("absent"))).toBeUndefined();
  });

  it.each([0o644, 0o640, 0o604, 0o620])("is refused with mode %o", async (mode) => {
    const file = fileOf(`mode-${mode}`);
    await KeyRingFile.make(file);
    chmodSync(file, mode);
    const failure = await open(file).catch((error) => error);
    expect(failure).toBeInstanceOf(KeyRingError);
    expect(failure.message).toContain(`chmod 600 ${file}`);
  });

  it("gets and loses keys in one step, and others learn of it while they run", async () => {
    const file = fileOf("rotated");
    const [first] = (await KeyRingFile.make(file)).keys;
    const server = await open(file);
    const command = await open(file);
    const old = await server.wrap(new Uint8Array([1]), context);
    const added = await command.addKey();
    const wrapped = await command.wrap(new Uint8Array([2]), context);
    expect(wrapped.keyId).toBe(added);
    expect(await server.unwrap(wrapped, context)).toEqual(new Uint8Array([2]));
    expect((await server.wrap(new Uint8Array([3]), context)).keyId).toBe(added);
    expect(await server.unwrap(old, context)).toEqual(new Uint8Array([1]));
    await command.removeKey(first?.id ?? "");
    expect((await open(file)).keys.map(({ id }) => id)).toEqual([added]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path).filter((name) => name.endsWith(".new"))).toEqual([]);
  });

  it("stays where a link points to", async () => {
    await KeyRingFile.make(fileOf("target"));
    symlinkSync(fileOf("target"), fileOf("link"));
    await (await open(fileOf("link"))).addKey();
    expect((await open(fileOf("target"))).keys).toHaveLength(2);
  });

  it("is written over what a killed command left", async () => {
    const file = fileOf("resumed");
    const ring = await KeyRingFile.make(file);
    writeFileSync(`${file}.new`, "half", { mode: 0o600 });
    await ring.addKey();
    expect((await open(file)).keys).toHaveLength(2);
  });

  it("fails for now, and not for good, while it cannot be read", async () => {
    const file = fileOf("away");
    const ring = await KeyRingFile.make(file);
    renameSync(file, `${file}.elsewhere`);
    await expect(ring.wrap(new Uint8Array([1]), context)).rejects.toMatchObject({ reason: "KEYS_UNAVAILABLE" });
    renameSync(`${file}.elsewhere`, file);
    await ring.wrap(new Uint8Array([1]), context);
  });
});
