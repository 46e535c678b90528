import { Cursor } from "./cursor.ts";
import { type Identified, MORE, MOST_BYTES, OTHER } from "./result.ts";
import { byteText, hostName, utf8Text } from "./text.ts";

/** What a TLS client offers in its first message (RFC 8446, 4.1.2). */
export interface ClientHello {
  /**
   * The name of the server that is asked for (RFC 6066, 3), in lower case and without a last dot;
   * undefined where none is sent. With {@link ClientHello.encrypted} it may be another one than the
   * client means.
   */
  readonly serverName: string | undefined;
  /**
   * The application protocols, the preferred one first: `"h2"`, `"http/1.1"`, … (RFC 7301). One
   * character a byte; GREASE is left out. Empty where none are sent.
   */
  readonly alpn: string[];
  /**
   * The versions of TLS, the preferred one first: 0x0304 is TLS 1.3, 0x0303 is 1.2 (RFC 8446, 4.2.1).
   * GREASE is left out. A client that sends no list has one version here, the highest that it speaks.
   */
  readonly versions: number[];
  /**
   * Whether an encrypted ClientHello is offered (extension `encrypted_client_hello`, 0xfe0d). Browsers
   * also send it with random bytes (GREASE), and nobody on the way can tell the two apart.
   */
  readonly encrypted: boolean;
}

type Draft = { -readonly [Field in keyof ClientHello]: ClientHello[Field] };

const CLIENT_HELLO = 1;
const HEADER = 4;
const RANDOM = 32;
const MOST_SESSION = 32;
const HOST_NAME = 0;
const OUTER = 0;

/** Reserved values that a receiver is to ignore: 0x0a0a, 0x1a1a, … 0xfafa (RFC 8701). */
function isGrease(high: number, low: number): boolean {
  return high === low && (low & 0x0f) === 0x0a;
}

function readServerName(body: Cursor, hello: Draft): void {
  const names = body.part(body.u16());
  if (names.left === 0) names.broken = true;
  while (names.left > 0) {
    const type = names.u8();
    const name = names.part(names.u16());
    if (type !== HOST_NAME) continue;
    // One name of a type, and no empty one.
    if (name.left === 0 || hello.serverName !== undefined) names.broken = true;
    hello.serverName = hostName(utf8Text(name.bytes, name.at, name.end));
  }
  body.broken ||= names.broken;
}

function readProtocols(body: Cursor, hello: Draft): void {
  const protocols = body.part(body.u16());
  if (protocols.left === 0) protocols.broken = true;
  while (protocols.left > 0) {
    const name = protocols.part(protocols.u8());
    if (name.left === 0) protocols.broken = true;
    if (name.left === 2 && isGrease(name.bytes[name.at]!, name.bytes[name.at + 1]!)) continue;
    hello.alpn.push(byteText(name.bytes, name.at, name.end));
  }
  body.broken ||= protocols.broken;
}

function readVersions(body: Cursor, hello: Draft): void {
  const versions = body.part(body.u8());
  if (versions.left === 0) versions.broken = true;
  hello.versions = [];
  while (versions.left > 0) {
    const version = versions.u16();
    if (!isGrease(version >> 8, version & 0xff)) hello.versions.push(version);
  }
  body.broken ||= versions.broken;
}

function readEncrypted(body: Cursor, hello: Draft): void {
  hello.encrypted = body.u8() === OUTER;
  // The rest is for the server.
  body.skip(body.left);
}

/** By type of extension. What is wrong with one makes its cursor broken. */
const EXTENSIONS: ReadonlyMap<number, (body: Cursor, hello: Draft) => void> = new Map([
  [0, readServerName],
  [16, readProtocols],
  [43, readVersions],
  [0xfe0d, readEncrypted],
]);

/** Reads the body of the message; undefined where its lengths do not add up. */
function readBody(body: Cursor): ClientHello | undefined {
  const hello: Draft = {
    serverName: undefined,
    alpn: [],
    versions: [body.u16()],
    encrypted: false,
  };
  body.skip(RANDOM);
  const session = body.part(body.u8());
  const ciphers = body.part(body.u16());
  const compressions = body.part(body.u8());
  if (session.left > MOST_SESSION || ciphers.left % 2 !== 0) return undefined;
  if (ciphers.left === 0 || compressions.left === 0) return undefined;
  // A client of TLS 1.2 may send no extensions.
  if (body.done) return hello;
  const extensions = body.part(body.u16());
  const seen: number[] = [];
  while (extensions.left > 0) {
    const type = extensions.u16();
    const extension = extensions.part(extensions.u16());
    const read = EXTENSIONS.get(type);
    if (read === undefined) continue;
    if (seen.includes(type)) return undefined;
    seen.push(type);
    read(extension, hello);
    if (!extension.done) return undefined;
  }
  return extensions.done && body.done ? hello : undefined;
}

/** Looks for a ClientHello in the handshake bytes that are here from `from` to `to`. */
export function readHandshake(
  bytes: Uint8Array,
  from: number,
  to: number,
): Identified<ClientHello> {
  const message = new Cursor(bytes, from, to);
  if (message.left > 0 && message.u8() !== CLIENT_HELLO) return OTHER;
  const length = message.u24();
  if (message.broken) return MORE;
  if (HEADER + length > MOST_BYTES) return OTHER;
  if (message.left < length) return MORE;
  const hello = readBody(message.part(length));
  return hello === undefined ? OTHER : { status: "found", ...hello };
}
