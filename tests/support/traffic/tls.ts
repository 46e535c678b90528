/**
 * TLS connections by OpenSSL, between Python processes: the kernel's own TCP, segments as short as the
 * test says.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { PythonProcess } from "../runtime/python.ts";

const pem = fileURLToPath(new URL("tls_server.pem", import.meta.url));

const SERVE = `
import ssl, threading
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(pem)
def serve(c):
    try:
        if c.recv(1, socket.MSG_PEEK) == b'\\x16': c = context.wrap_socket(c, server_side=True)
        c.sendall(b'got ' + c.recv(65536))
        while data := c.recv(65536): c.sendall(data)
    except OSError: pass
    finally: c.close()
def accept():
    while True:
        c, _ = listener.accept()
        threading.Thread(target=serve, args=(c,), daemon=True).start()
family = socket.AF_INET6 if ':' in host else socket.AF_INET
listener = socket.create_server((host, port), family=family)
threading.Thread(target=accept, daemon=True).start()
say(1)
`;

const CLIENT = `
import errno, ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
def dial(host, port, segment, timeout):
    s = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
    s.settimeout(timeout)
    if segment: s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.connect((host, port))
    return s
def outcome(act):
    try: return act()
    except OSError as error: return errno.errorcode.get(error.errno, str(error))
def ask(host, port, name, segment, timeout):
    def act():
        with dial(host, port, segment, timeout) as s:
            with context.wrap_socket(s, server_hostname=name) as tls:
                tls.sendall(b'hello')
                return tls.recv(100).decode()
    return outcome(act)
def write(host, port, pieces, length, timeout):
    def act():
        with dial(host, port, None, timeout) as s:
            for piece in pieces: s.sendall(bytes.fromhex(piece))
            answer = b''
            while len(answer) < length and (data := s.recv(65536)): answer += data
            return answer.decode()
    return outcome(act)
def hang_up(host, port, data, timeout):
    def act():
        with dial(host, port, None, timeout) as s: s.sendall(bytes.fromhex(data))
        return 'gone'
    return outcome(act)
def pour(host, port, count, timeout):
    def act():
        with dial(host, port, None, timeout) as s:
            left = len(b'got ')
            for _ in range(count // 10000):
                s.sendall(bytes(10000))
                left += 10000
                while left > 0:
                    came = len(s.recv(65536))
                    if came == 0: return 'ended'
                    left -= came
            return 'got it all'
    return outcome(act)
say(1)
`;

/** Where a server listens. */
export interface TlsPlace {
  readonly host: string;
  readonly port: number;
}

/** Starts a server in its own process: it says "got " and sends back what it gets, without TLS too. */
export async function tlsServer(
  { host, port }: TlsPlace,
  { prefix = [] }: { readonly prefix?: readonly string[] } = {},
): Promise<PythonProcess> {
  const server = new PythonProcess({ prefix });
  await server.run(`host, port, pem = ${JSON.stringify([host, port, pem])}\n${SERVE}`);
  return server;
}

/** What a client sends, and in what pieces. */
export interface TlsQuestion {
  /** The server's name that it asks for; none where it is left out. */
  readonly name?: string;
  /** Bytes of a segment, at most. */
  readonly segment?: number;
  /** Seconds until it gives up. */
  readonly timeout?: number;
}

/** A client, one connection after the other. */
export class TlsClient implements AsyncDisposable {
  readonly #place: TlsPlace;
  readonly #python: PythonProcess;

  private constructor(place: TlsPlace, python: PythonProcess) {
    this.#place = place;
    this.#python = python;
  }

  /** Starts it. */
  static async start(
    place: TlsPlace,
    options: { readonly prefix?: readonly string[] } = {},
  ): Promise<TlsClient> {
    const python = new PythonProcess(options);
    await python.run(CLIENT);
    return new TlsClient(place, python);
  }

  /** A handshake and "hello": what comes back, or the error's name, as ECONNRESET. */
  async ask({ name, segment, timeout = 5 }: TlsQuestion): Promise<string> {
    return await this.#call("ask", [name ?? null, segment ?? null, timeout]);
  }

  /**
   * These bytes, each piece in a segment of its own: what comes back, up to so many bytes, or the error's
   * name. Without a length: as many as were sent, and "got ".
   */
  async write(pieces: readonly Uint8Array[], length?: number): Promise<string> {
    const hex = pieces.map((piece) => Buffer.from(piece).toString("hex"));
    const sent = pieces.reduce((sum, piece) => sum + piece.length, 0);
    return await this.#call("write", [hex, length ?? "got ".length + sent, 7]);
  }

  /** These bytes and the end. */
  async hangUp(bytes: Uint8Array): Promise<string> {
    return await this.#call("hang_up", [Buffer.from(bytes).toString("hex"), 7]);
  }

  /** So many zeros, each ten thousand when the last ones have come back, or the error's name. */
  async pour(count: number): Promise<string> {
    return await this.#call("pour", [count, 7]);
  }

  async #call(name: string, words: readonly unknown[]): Promise<string> {
    const { host, port } = this.#place;
    // JSON is Python, but for null.
    const parameters = [host, port, ...words].map((word) =>
      word === null ? "None" : JSON.stringify(word)
    );
    return await this.#python.run<string>(`say(${name}(${parameters.join(", ")}))`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#python[Symbol.asyncDispose]();
  }
}
