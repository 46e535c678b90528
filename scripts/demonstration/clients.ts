/**
 * Servers that echo, and clients that tell in words what they saw. No client waits for ever.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { connect, createServer, type Socket } from "node:net";
import type { Family } from "./firewall.ts";

const LOOPBACK = { 4: "127.0.0.1", 6: "::1" } as const;

/** Where a client goes. */
export interface Target {
  readonly family: Family;
  readonly port: number;
}

/** Sends back whatever arrives, by UDP and TCP, until disposed. */
export class EchoServer implements Disposable {
  readonly #closers: (() => void)[] = [];

  static async open({ family, port }: Target): Promise<EchoServer> {
    const server = new EchoServer();
    const udp = createSocket(family === 4 ? "udp4" : "udp6");
    udp.on("message", (bytes, from) => udp.send(bytes, from.port, from.address));
    const sockets = new Set<Socket>();
    const tcp = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket)).pipe(socket);
    });
    server.#closers.push(() => udp.close(), () => {
      tcp.close();
      for (const socket of sockets) socket.destroy();
    });
    await new Promise<void>((resolve, reject) =>
      void udp.once("error", reject).bind(port, LOOPBACK[family], resolve)
    );
    await new Promise<void>((resolve, reject) =>
      void tcp.once("error", reject).listen(port, LOOPBACK[family], resolve)
    );
    return server;
  }

  [Symbol.dispose](): void {
    for (const close of this.#closers.splice(0)) close();
  }
}

/** Pings twice; tells `2 of 2 replies`. */
export async function ping(family: Family, patience: number): Promise<string> {
  const seconds = String(Math.ceil(patience / 1000));
  const words = ["-n", "-c", "2", "-i", "0.05", "-w", seconds, LOOPBACK[family]];
  const child = spawn("ping", words, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => output += text);
  await new Promise<void>((resolve, reject) =>
    void child.once("error", reject).once("close", () => resolve())
  );
  return `${/(\d+) received/.exec(output)?.[1] ?? "0"} of 2 replies`;
}

/** Sends a text by UDP; tells `echo: …` or `no answer`. */
export async function askUdp(
  { family, port }: Target,
  text: string,
  patience: number,
): Promise<string> {
  const socket = createSocket(family === 4 ? "udp4" : "udp6");
  try {
    return await observe(patience, () => "no answer", (tell) => {
      socket.on("error", (error) => tell(error.message));
      socket.on("message", (bytes) => tell(`echo: ${bytes}`));
      socket.send(text, port, LOOPBACK[family]);
    });
  } finally {
    socket.close();
  }
}

/** Sends a text by TCP; tells `echo: …`, `no connection` or `connected, no answer`. */
export async function askTcp(
  { family, port }: Target,
  text: string,
  patience: number,
): Promise<string> {
  const socket = connect({ host: LOOPBACK[family], port });
  let connected = false;
  try {
    const silence = () => connected ? "connected, no answer" : "no connection";
    return await observe(patience, silence, (tell) => {
      socket.on("connect", () => {
        connected = true;
        socket.write(text);
      });
      socket.on("error", (error) => tell(error.message));
      socket.on("data", (bytes) => tell(`echo: ${bytes}`));
    });
  } finally {
    socket.destroy();
  }
}

/** What is told first, or what `silence` says when nothing was in time. */
function observe(
  patience: number,
  silence: () => string,
  begin: (tell: (text: string) => void) => void,
): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(silence()), patience);
    begin((text) => {
      clearTimeout(timer);
      resolve(text);
    });
  });
}
