import { describe, expect, it } from "vitest";
import { parseAddress } from "./database-address.ts";

describe("a URL of a database", () => {
  it.each([
    { url: "postgres://me@one/db", hosts: [{ host: "one", port: undefined }] },
    { url: "postgresql://me:a%40b@one:6432/db", hosts: [{ host: "one", port: 6432 }] },
    {
      url: "postgres://me@one:1,two:2,[::1]:3/db?target_session_attrs=read-write",
      hosts: [
        { host: "one", port: 1 },
        { host: "two", port: 2 },
        { host: "::1", port: 3 },
      ],
    },
    {
      url: "postgres://me@localhost/db?host=/var/run/postgresql",
      hosts: [{ host: "/var/run/postgresql", port: undefined }],
    },
  ])("$url has its hosts", ({ url, hosts }) => {
    expect(parseAddress(url).hosts).toEqual(hosts);
  });

  it("has what libpq would take from it, and leaves a password that is not there to the passfile", () => {
    const { config, attributes } = parseAddress("postgres://me:a%40b@one:6432/db?target_session_attrs=standby");
    expect(config).toMatchObject({ user: "me", password: "a@b", host: "one", port: 6432, database: "db" });
    expect(config).not.toHaveProperty("target_session_attrs");
    expect(attributes).toBe("standby");
    expect(parseAddress("postgres://me@one/db").config).not.toHaveProperty("password");
  });

  it.each([
    { url: "mysql://me:secret@one/db", says: /must look like postgres:/ },
    { url: "postgres://me:secret@one/db?target_session_attrs=writable", says: /must be one of any, read-write/ },
  ])("is refused without being repeated: $says", ({ url, says }) => {
    expect(() => parseAddress(url)).toThrow(says);
    expect(() => parseAddress(url)).not.toThrow(/secret/);
  });
});
