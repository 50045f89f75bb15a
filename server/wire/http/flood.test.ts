import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { getFrame, HTTP2_HELLO, resetFrame } from "../../test/wire/frames.ts";
import { echo, handler, listenHere, rawPeer, timed } from "../../test/wire/peers.ts";

function openAndReset(count: number, after = 0): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, index) => {
      const streamId = 2 * (after + index) + 1;
      return Buffer.concat([getFrame(streamId), resetFrame(streamId)]);
    }),
  );
}

describe("a flood of streams that are opened and reset at once (CVE-2023-44487)", () => {
  it("costs the attacker the connection and nobody else much", async () => {
    let calls = 0;
    const { port, url } = await listenHere(
      handler((request, response) => {
        calls += 1;
        echo(request, response);
      }),
    );
    const flood = openAndReset(20_000);
    await (await fetch(url)).text();
    const attacker = await rawPeer(port);
    let isOver = false;
    attacker.closed.then(() => {
      isOver = true;
    });

    const waits: number[] = [];
    attacker.socket.write(HTTP2_HELLO);
    attacker.socket.write(flood);
    while (!isOver || waits.length < 20) {
      waits.push(await timed(fetch(url).then((response) => response.text())));
      await delay(1);
    }

    expect(Math.max(...waits)).toBeLessThan(500);
    expect(calls - waits.length).toBeLessThan(5_000);
  });

  it("ends early when it comes in small pieces", async () => {
    const { port } = await listenHere(echo);
    const { socket, closed } = await rawPeer(port);
    let isOver = false;
    closed.then(() => {
      isOver = true;
    });

    socket.write(HTTP2_HELLO);
    let sent = 0;
    for (; sent < 2_000 && !isOver; sent += 10) {
      socket.write(openAndReset(10, sent));
      await delay(1);
    }

    expect(sent).toBeLessThan(800);
  });

  it("leaves a peer alone that cancels now and then", async () => {
    const { port } = await listenHere(echo);
    const peer = await rawPeer(port);

    peer.socket.write(HTTP2_HELLO);
    peer.socket.write(openAndReset(50));
    peer.socket.write(getFrame(101));

    await expect.poll(peer.received).toContain("2.0 /");
  });
});
