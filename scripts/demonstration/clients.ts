/**
 * Servers that echo, and clients that tell in words what they saw. No client waits for ever.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { createServer as createWebServer, get } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { extension, helloMessage, inRecords } from "../../tests/support/traffic/client_hello.ts";
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

/** Answers HTTP requests with a text, until disposed. */
export class WebServer implements Disposable {
  #close: () => void = () => {};

  static async open({ family, port }: Target, text: string): Promise<WebServer> {
    const made = new WebServer();
    const headers = { "Content-Type": "text/plain", "Content-Length": text.length };
    const server = createWebServer((_, response) => response.writeHead(200, headers).end(text));
    made.#close = () => {
      server.closeAllConnections();
      server.close();
    };
    await new Promise<void>((resolve, reject) =>
      void server.once("error", reject).listen(port, LOOPBACK[family], resolve)
    );
    return made;
  }

  [Symbol.dispose](): void {
    this.#close();
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

/** Asks for a page; tells `200: …`, or the error. */
export function askWeb({ family, port }: Target, patience: number): Promise<string> {
  return observe(patience, () => "no answer", (tell) => {
    get({ host: LOOPBACK[family], port, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => text += part);
      response.on("end", () => tell(`${response.statusCode}: ${text}`));
    }).on("error", (error) => tell(error.message));
  });
}

/** Asks for a TLS server by its name; tells `an answer`, `reset by the other end` or `no answer`. */
export async function greetTls(
  { family, port }: Target,
  name: string,
  patience: number,
): Promise<string> {
  const socket = connect({ host: LOOPBACK[family], port, noDelay: true });
  const hello = inRecords(helloMessage({ extensions: [extension.serverName(name)] }));
  try {
    return await observe(patience, () => "no answer", (tell) => {
      socket.on("connect", () => {
        socket.write(hello.subarray(0, -10));
        socket.write(hello.subarray(-10));
      });
      socket.on(
        "error",
        (error: Error & { readonly code?: string }) =>
          tell(error.code === "ECONNRESET" ? "reset by the other end" : error.message),
      );
      socket.on("data", () => tell("an answer"));
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
