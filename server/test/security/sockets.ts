import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

/** A socket that was opened from inside, or something else that could reach out. */
export interface Opening {
  /** `egress` and `pg` may; a stack says who else did. */
  readonly opener: string;
  /** Where it went, once it was connected: host and port, or a path. */
  to: string;
}

/** Whose frames say that a socket is theirs. */
const OPENERS: readonly (readonly [name: string, frame: RegExp])[] = [
  ["egress", /\/server\/upstream\/egress\/guarded-connect\.ts:/],
  ["pg", /\/node_modules\/pg\//],
];

/** Tells of every socket that this process opens from now on, TLS and UDP too, and of every process that it starts. */
export function watchSockets(onOpening: (opening: Opening) => void): () => void {
  const onSocket = (message: unknown) => {
    const { socket } = message as { socket: Socket };
    const opening: Opening = { opener: openerOf(), to: "" };
    onOpening(opening);
    socket.once("connect", () => {
      opening.to = socket.remoteAddress === undefined ? "a path" : `${socket.remoteAddress}:${socket.remotePort}`;
      onOpening(opening);
    });
  };
  const onOther = (message: unknown, channel: string | symbol) => {
    const { process } = message as { process?: { readonly spawnfile?: string } };
    onOpening({ opener: `${String(channel)} ${process?.spawnfile ?? openerOf()}`, to: "" });
  };
  subscribe("net.client.socket", onSocket);
  subscribe("udp.socket", onOther);
  subscribe("child_process", onOther);
  return () => {
    unsubscribe("net.client.socket", onSocket);
    unsubscribe("udp.socket", onOther);
    unsubscribe("child_process", onOther);
  };
}

function openerOf(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 100;
  const { stack = "" } = new Error("opened here");
  Error.stackTraceLimit = limit;
  return OPENERS.find(([, frame]) => frame.test(stack))?.[0] ?? stack;
}
