import { describe, expect, it } from "vitest";
import { readTimeoutMs } from "./deadline.ts";

describe("readTimeoutMs", () => {
  it.each([
    [{}, undefined],
    [{ "x-server-timeout": "1.5" }, 1500],
    [{ "x-server-timeout": "0" }, 0],
    [{ "x-server-timeout": "9999999999" }, 2 ** 31 - 1],
    [{ "connect-timeout-ms": "250" }, 250],
    [{ "grpc-timeout": "2H" }, 7_200_000],
    [{ "grpc-timeout": "3M" }, 180_000],
    [{ "grpc-timeout": "4S" }, 4000],
    [{ "grpc-timeout": "5m" }, 5],
    [{ "grpc-timeout": "6000u" }, 6],
    [{ "grpc-timeout": "7000000n" }, 7],
    [{ "grpc-timeout": "1S", "x-server-timeout": "2" }, 2000],
  ])("reads %j", (headers, timeoutMs) => expect(readTimeoutMs(headers, {})).toBe(timeoutMs));

  it.each([
    { "x-server-timeout": "-1" },
    { "x-server-timeout": "1s" },
    { "x-server-timeout": "" },
    { "x-server-timeout": "1e3" },
    { "x-server-timeout": "Infinity" },
    { "connect-timeout-ms": "1.5" },
    { "connect-timeout-ms": "12345678901" },
    { "grpc-timeout": "1" },
    { "grpc-timeout": "1s" },
    { "grpc-timeout": "123456789S" },
  ])("refuses %j", (headers) => expect(() => readTimeoutMs(headers, {})).toThrow("holds no timeout"));

  it("has a default for those who ask for nothing", () => {
    expect(readTimeoutMs({}, { defaultTimeoutMs: 1000, maxTimeoutMs: 500 })).toBe(1000);
  });

  it("refuses more than the most", () => {
    const options = { maxTimeoutMs: 1000 };
    expect(readTimeoutMs({ "x-server-timeout": "1" }, options)).toBe(1000);
    expect(() => readTimeoutMs({ "x-server-timeout": "1.001" }, options)).toThrow("asks for more than 1000 ms");
  });
});
