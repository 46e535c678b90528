// Protocols as programs speak them, through TcpStreams on loopback: HTTP with many requests in one
// connection, TLS, SSH. What passes unchanged works as without a queue, and so does what was changed.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { PacketQueue, RuleSet } from "../../mod.ts";
import {
  type StreamCallback,
  type StreamResult,
  type TcpStream,
  TcpStreams,
} from "../../src/streams/mod.ts";
import { mayChangeUser, requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { command } from "../support/runtime/command.ts";
import { until, within } from "../support/runtime/waiting.ts";
import { madeBytes } from "./made_bytes.ts";

requireIsolation();

const limit = { timeout: 60_000 } as const;
const SIZE = 1_000_000;

interface Callbacks {
  readonly fromClient: StreamCallback<TcpStream>;
  readonly fromServer: StreamCallback<TcpStream>;
}

/** The connections to one port of this host, followed while something runs. */
async function followed(
  port: number,
  { fromClient, fromServer }: Callbacks,
  run: () => Promise<void>,
): Promise<void> {
  const ends: string[] = [];
  using streams = new TcpStreams({
    connection: () => ({ fromClient, fromServer, end: (reason) => ends.push(reason) }),
  });
  const number = nextQueue();
  using queue = PacketQueue.open(number, { gso: false, warn: false });
  using _rules = RuleSet.install(
    TcpStreams.rules({ serverPort: port, path: "loopback", family: "ipv4", queue: number }),
  );
  const abort = new AbortController();
  const running = queue.run(streams.handler, { signal: abort.signal });
  try {
    await within(Promise.race([run(), running]), { what: "the protocol", timeout: 40_000 });
    await until(() => ends.length > 0, { what: "the connection has ended" });
    const { followed, unsent, limits } = streams.statistics;
    assert.deepEqual({ ends, followed, unsent, limits }, {
      ...{ ends: ["closed"], followed: 1, unsent: 0 },
      limits: { connections: 0, connectionBytes: 0, bytes: 0, hold: 0, gap: 0 },
    });
  } finally {
    abort.abort();
    await running;
  }
}

async function listening(server: Server | HttpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** Both directions as they are; the text and the number of the bytes that passed. */
class Seen {
  readonly first = { fromClient: "", fromServer: "" };
  readonly length = { fromClient: 0, fromServer: 0 };
  readonly fromClient: StreamCallback<TcpStream> = (data) => this.#see("fromClient", data);
  readonly fromServer: StreamCallback<TcpStream> = (data) => this.#see("fromServer", data);

  #see(direction: "fromClient" | "fromServer", data: Uint8Array): void {
    if (this.length[direction] === 0) {
      this.first[direction] = Buffer.from(data.subarray(0, 100)).toString("latin1");
    }
    this.length[direction] += data.length;
  }
}

/** Puts a text in the place of another one, also where that comes in two pieces. */
function replacing(from: string, to: string): StreamCallback<TcpStream> {
  return (data, { ended }): StreamResult => {
    const text = Buffer.from(data).toString("latin1");
    let hold = 0;
    for (let length = 1; length < from.length && !ended; length++) {
      if (text.endsWith(from.slice(0, length))) hold = length;
    }
    const done = text.slice(0, text.length - hold).replaceAll(from, to);
    return { data: Buffer.from(done, "latin1"), hold };
  };
}

const REQUESTS = 50;
const PIPELINED = 10;
const WORDS = { asked: "banana", instead: "a fruit with a much longer name" } as const;

/** Sends all requests in one connection, ten at once, and gives the answers' words and bodies. */
async function ask(port: number): Promise<{ word: string; body: string }[]> {
  const answers: { word: string; body: string }[] = [];
  const socket = connect({ host: "127.0.0.1", port });
  let text = "";
  const turn = (asked: number) => {
    if (asked === REQUESTS) {
      socket.end();
      return;
    }
    const requests = Array.from(
      { length: PIPELINED },
      (_, at) => `GET /${asked + at} HTTP/1.1\r\nHost: test\r\nX-Asked: ${WORDS.asked}\r\n\r\n`,
    );
    socket.write(requests.join(""));
  };
  socket.on("connect", () => turn(0));
  socket.on("data", (chunk: Uint8Array) => {
    text += Buffer.from(chunk).toString("latin1");
    for (;;) {
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/^content-length: (\d+)/im.exec(text)?.[1]);
      if (text.length < end + 4 + length) return;
      const word = /^x-word: (.*?)\r$/im.exec(text.slice(0, end + 2))?.[1] ?? "";
      answers.push({ word, body: text.slice(end + 4, end + 4 + length) });
      text = text.slice(end + 4 + length);
      if (answers.length % PIPELINED === 0) turn(answers.length);
    }
  });
  await new Promise<void>((resolve, reject) => {
    socket.on("close", () => resolve());
    socket.on("error", reject);
  });
  return answers;
}

const changing = {
  fromClient: replacing(WORDS.asked, WORDS.instead),
  fromServer: replacing("considerable", "big"),
} as const;
const seenHttp = new Seen();
for (
  const [name, callbacks, asked, word] of [
    ["unchanged", seenHttp, WORDS.asked, "considerable"],
    ["both lengths changed", changing, WORDS.instead, "big"],
  ] as const
) {
  test(`HTTP: 50 requests in one connection, ten at once; ${name}`, limit, async () => {
    const ports = new Set<number | undefined>();
    const server = createHttpServer((request, response) => {
      ports.add(request.socket.remotePort);
      const body = `${request.url} ${request.headers["x-asked"]} ${"body ".repeat(200)}`;
      response.setHeader("X-Word", "considerable");
      response.setHeader("Content-Length", body.length);
      response.end(body);
    });
    const port = await listening(server);
    try {
      await followed(port, callbacks, async () => {
        const answers = await ask(port);
        assert.equal(answers.length, REQUESTS);
        for (const [at, answer] of answers.entries()) {
          const body = `/${at} ${asked} ${"body ".repeat(200)}`;
          assert.deepEqual(answer, { word, body });
        }
        assert.equal(ports.size, 1);
      });
    } finally {
      server.close();
    }
    if (callbacks === seenHttp) assert.match(seenHttp.first.fromServer, /^HTTP\/1\.1 200/);
  });
}

function sumOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The sum of so many bytes of a socket. */
function received(socket: Socket | TLSSocket, size: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const sum = createHash("sha256");
    let length = 0;
    socket.on("error", reject);
    socket.on("data", (chunk: Uint8Array) => {
      sum.update(chunk);
      length += chunk.length;
      if (length >= size) resolve(length === size ? sum.digest("hex") : `${length} bytes`);
    });
  });
}

/** A folder that is gone afterwards. */
class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "nfqueue-protocols-"));

  file(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const hasOpenssl = ["/usr/bin/openssl", "/bin/openssl"].some((path) => existsSync(path));
test("TLS: 1 MB each way, unchanged", {
  ...limit,
  ...(hasOpenssl ? {} : { skip: "openssl is not installed" }),
}, async () => {
  using folder = new Folder();
  command("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-keyout", folder.file("key"), "-out", folder.file("certificate"), "-days", "2"],
    ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
  ]);
  const cert = readFileSync(folder.file("certificate"));
  const [asked, answered] = [madeBytes(SIZE, 7), madeBytes(SIZE, 13)];
  let atServer: Promise<string> | undefined;
  const server = createTlsServer({ cert, key: readFileSync(folder.file("key")) }, (socket) => {
    atServer = received(socket, SIZE);
    void atServer.then(() => socket.end(answered));
  });
  const port = await listening(server);
  const seen = new Seen();
  try {
    await followed(port, seen, async () => {
      const socket = connectTls({ host: "127.0.0.1", port, servername: "localhost", ca: cert });
      const atClient = received(socket, SIZE);
      socket.write(asked);
      assert.equal(await atClient, sumOf(answered));
      assert.equal(await atServer, sumOf(asked));
      socket.end();
    });
  } finally {
    server.close();
  }
  // A handshake record, and more than the data: no byte of it went past the callbacks.
  for (const direction of ["fromClient", "fromServer"] as const) {
    assert.equal(seen.first[direction].slice(0, 2), "\x16\x03");
    assert.ok(seen.length[direction] > SIZE, `${direction}: ${seen.length[direction]}`);
  }
});

const sshd = "/usr/sbin/sshd";
const noSsh = !existsSync(sshd) || !existsSync("/usr/bin/ssh")
  ? "the OpenSSH server is not installed (openssh-server)"
  : mayChangeUser()
  ? undefined
  : "sshd changes to a user of its own, which needs root";

test("SSH: a command that prints 1 MB, unchanged", {
  ...limit,
  ...(noSsh === undefined ? {} : { skip: noSsh }),
}, async () => {
  using folder = new Folder();
  // Private to the tests' namespaces; sshd changes its root to that.
  mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  for (const name of ["host", "user"]) {
    command("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", folder.file(name)]);
  }
  const port = 5390;
  writeFileSync(
    folder.file("configuration"),
    [
      ...["ListenAddress 127.0.0.1", `Port ${port}`, `HostKey ${folder.file("host")}`],
      ...[`AuthorizedKeysFile ${folder.file("user.pub")}`, "StrictModes no", "PidFile none"],
      ...["UsePAM no", "PasswordAuthentication no", "PermitRootLogin yes", ""],
    ].join("\n"),
  );
  const server = spawn(sshd, ["-D", "-e", "-f", folder.file("configuration")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let told = "";
  server.stderr.on("data", (chunk: Uint8Array) => told += new TextDecoder().decode(chunk));
  const seen = new Seen();
  try {
    await until(() => told.includes("listening"), { what: "sshd listens", state: () => told });
    await followed(port, seen, async () => {
      const { stdout } = await promisify(execFile)("ssh", [
        ...["-F", "none", "-p", String(port), "-i", folder.file("user"), "-o", "BatchMode=yes"],
        ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"],
        ...["-l", process.env["USER"] ?? "root", "127.0.0.1"],
        `head -c ${SIZE} /dev/zero | tr '\\0' n`,
      ], { encoding: "utf8", maxBuffer: 2 * SIZE });
      assert.equal(sumOf(Buffer.from(stdout)), sumOf(Buffer.alloc(SIZE, "n")));
    });
  } catch (error) {
    throw new Error(`sshd said ${told}`, { cause: error });
  } finally {
    server.kill("SIGTERM");
  }
  assert.match(seen.first.fromClient, /^SSH-2\.0-/);
  assert.match(seen.first.fromServer, /^SSH-2\.0-/);
  assert.ok(seen.length.fromServer > SIZE, `${seen.length.fromServer}`);
});
