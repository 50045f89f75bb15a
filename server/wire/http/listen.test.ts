import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { HTTP2_HELLO } from "../../test/wire/frames.ts";
import { echo, getHttp2, handler, http2Peer, listenHere, rawPeer, trickle } from "../../test/wire/peers.ts";
import { ListenError, listen } from "./listen.ts";

const REQUEST = "GET /slowly HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
const HELLO = HTTP2_HELLO.toString("latin1");

describe("one port in clear text", () => {
  it("says where it is", async () => {
    const { url, port } = await listenHere(echo);

    expect(url).toBe(`http://127.0.0.1:${port}`);
  });

  it("brackets an IPv6 address", async () => {
    const { url, port } = await listenHere(echo, { host: "::1" });

    expect(url).toBe(`http://[::1]:${port}`);
    expect(await (await fetch(`${url}/six`)).text()).toBe("1.1 /six");
  });

  it("answers HTTP/1.1 and HTTP/2 with prior knowledge", async () => {
    const { url } = await listenHere(echo);

    expect(await (await fetch(`${url}/one`)).text()).toBe("1.1 /one");
    expect(await getHttp2(await http2Peer(url), "/two")).toBe("2.0 /two");
  });

  it("reads an HTTP/1.1 request that comes byte by byte", async () => {
    const { port } = await listenHere(echo);
    const peer = await rawPeer(port);

    await trickle(peer.socket, REQUEST);

    await peer.closed;
    expect(peer.received()).toMatch(/^HTTP\/1\.1 200 OK\r\n.*1\.1 \/slowly$/s);
  });

  it("reads an HTTP/2 preface that comes byte by byte", async () => {
    const { port } = await listenHere(echo);
    const peer = await rawPeer(port);

    await trickle(peer.socket, HELLO);

    await expect.poll(peer.received).toContain("\x04\x01\0\0\0\0"); // SETTINGS with ACK
  });

  it("answers an offer to upgrade to h2c on HTTP/1.1", async () => {
    const { port } = await listenHere(echo);
    const peer = await rawPeer(port);

    peer.socket.write(
      "GET /up HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n",
    );

    await expect.poll(peer.received).toMatch(/^HTTP\/1\.1 200 OK\r\n.*1\.1 \/up$/s);
  });

  it.each([
    { name: "a word that begins as the preface does", bytes: "PRIVET\r\n\r\n" },
    { name: "a method that is none", bytes: "\x01\x02\x03 / HTTP/1.1\r\n\r\n" },
    { name: "a TLS handshake", bytes: "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" },
  ])("refuses $name with 400", async ({ bytes }) => {
    const { port } = await listenHere(echo);
    const peer = await rawPeer(port);

    peer.socket.write(bytes, "latin1");

    await peer.closed;
    expect(peer.received()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  it.each([
    { name: "a preface that ends otherwise", bytes: "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" },
    { name: "garbage after the preface", bytes: `${HELLO}${"garbage".repeat(100)}` },
    { name: "a frame larger than allowed", bytes: `${HELLO}\xff\xff\xff\0\0\0\0\0\x01` },
  ])("closes on $name and goes on", async ({ bytes }) => {
    const { port, url } = await listenHere(echo);
    const peer = await rawPeer(port);

    peer.socket.write(bytes, "latin1");

    await peer.closed;
    expect(await (await fetch(`${url}/next`)).text()).toBe("1.1 /next");
  });

  it.each([
    { name: "end", leave: "end" },
    { name: "are reset", leave: "resetAndDestroy" },
  ] as const)("lets go of sockets that $name in the middle of the preface", async ({ leave }) => {
    const { port, url } = await listenHere(echo);
    const peer = await rawPeer(port);

    peer.socket.write("PRI * HT");
    await delay(50);
    peer.socket[leave]();

    await peer.closed;
    expect(await (await fetch(`${url}/next`)).text()).toBe("1.1 /next");
  });

  it("serves 1,000 quiet streams over ten connections beside new calls", async () => {
    let open = 0;
    const { url } = await listenHere(
      handler((request, response) => {
        if (request.url !== "/quiet") return echo(request, response);
        open += 1;
        response.flushHeaders();
      }),
    );
    const sessions = await Promise.all(Array.from({ length: 10 }, () => http2Peer(url)));

    const streams = sessions.flatMap((session) =>
      Array.from({ length: 100 }, () => session.request({ ":path": "/quiet" })),
    );
    await Promise.all(streams.map((stream) => once(stream, "response")));

    expect(open).toBe(1000);
    expect(await (await fetch(`${url}/one`)).text()).toBe("1.1 /one");
    expect(await getHttp2(await http2Peer(url), "/two")).toBe("2.0 /two");
  });
});

describe("a port that cannot be opened", () => {
  const onError = (error: Error) => {
    throw error;
  };

  it("is refused when another program holds it", async () => {
    const { port } = await listenHere(echo);

    await expect(listen(echo, { host: "127.0.0.1", port, onError })).rejects.toThrow(
      new ListenError(`PORT is ${port}, which another program on 127.0.0.1 uses; stop it or use another port.`),
    );
  });

  it.each(["192.0.2.1", "nowhere.invalid"])("is refused on %s, which is no address of this machine", async (host) => {
    await expect(listen(echo, { host, port: 0, onError })).rejects.toThrow(
      new ListenError(
        `HOST is ${host}, which is no address of this machine; use one that is, or 0.0.0.0 for all of them.`,
      ),
    );
  });
});
