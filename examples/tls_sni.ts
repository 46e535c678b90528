/**
 * Drops TLS connections by the server name that they ask for, or all but those of some names. A name
 * stands for the ones below it too. What is not a ClientHello, or tells no name, passes.
 *
 *     sudo iptables -A OUTPUT -p tcp --dport 443 -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo deno run --allow-ffi examples/tls_sni.ts example.com ads.example.net
 *     sudo bun examples/tls_sni.ts --only example.com
 *
 * `iptables -D OUTPUT …` removes the rule; `ip6tables` takes the same words for IPv6. Browsers take
 * TCP where `iptables -A OUTPUT -p udp --dport 443 -j REJECT` leaves them no HTTP/3.
 *
 * A ClientHello is put together from the packets and records that it comes in, up to 8 KiB, and a
 * connection whose name is not wanted stays dead however its bytes are sent again. Both hold for the
 * last 2048 connections that began while this runs; of others a packet counts that holds the name by
 * itself. A name that is encrypted is not seen.
 */

import { parseArgs } from "node:util";
import { PacketQueue, Verdict } from "@nfqueue/nfqueue";

const { values, positionals } = parseArgs({
  options: {
    queue: { type: "string", default: "0" },
    only: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
if (positionals.length === 0) throw new RangeError("no names are given");
const names = positionals.map((name) => name.toLowerCase());

/** The first bytes of a connection, as long as they may still tell a name. */
interface Start {
  readonly bytes: Uint8Array;
  /** The sequence number of what follows them. */
  readonly next: number;
}
const BLOCKED = "blocked";
/** Instead of a name: it may be in what is still to come. */
const MORE = Symbol();
/** At most 16 MiB together. */
const MOST_CONNECTIONS = 2048;
const MOST_BYTES = 8192;
const connections = new Map<string, Start | typeof BLOCKED>();

function remember(key: string, state: Start | typeof BLOCKED): void {
  connections.delete(key);
  connections.set(key, state);
  if (connections.size <= MOST_CONNECTIONS) return;
  for (const oldest of connections.keys()) return void connections.delete(oldest);
}

using queue = PacketQueue.open(Number(values.queue));
await queue.run(({ ip, tcp, flow }) => {
  if (tcp === undefined || flow === undefined) return Verdict.Accept;
  const key = `${flow.key}>${tcp.destinationPort}`; // each direction by itself
  const { syn, payload } = tcp;
  const sequence = tcp.sequenceNumber + (syn ? 1 : 0);
  if (syn) remember(key, { bytes: new Uint8Array(0), next: sequence });
  if (payload.length === 0) return Verdict.Accept;
  const state = connections.get(key);
  // What was dropped is sent again, mostly in other pieces, until the client gives up.
  if (state === BLOCKED) return Verdict.Drop;
  const old = state === undefined ? 0 : (state.next - sequence) | 0;
  if (old < 0) return Verdict.Drop; // something before it is missing: it comes again later
  if (old >= payload.length) return Verdict.Accept; // it was seen
  const bytes = state === undefined ? payload : join(state.bytes, payload.subarray(old));
  const name = serverName(bytes);
  if (name === MORE && state !== undefined && bytes.length < MOST_BYTES) {
    remember(key, { bytes, next: sequence + payload.length });
    return Verdict.Accept;
  }
  connections.delete(key);
  if (typeof name !== "string") return Verdict.Accept;
  const listed = names.some((listed) => name === listed || name.endsWith(`.${listed}`));
  if (listed === values.only) return Verdict.Accept;
  console.log(`drop  ${ip?.source} > ${ip?.destination}  ${JSON.stringify(name)}`);
  remember(key, BLOCKED);
  return Verdict.Drop;
});

function join(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}

/**
 * The name in a ClientHello (RFC 8446, 4.1.2, and RFC 6066, 3), in lower case; undefined where there is
 * none.
 */
function serverName(stream: Uint8Array): string | typeof MORE | undefined {
  const { data, open } = handshake(stream);
  // Bytes behind the end read as 0. Nothing is skipped backwards, so the end is reached.
  const u8 = (at: number) => data[at] ?? 0;
  const u16 = (at: number) => u8(at) << 8 | u8(at + 1);
  if (data.length > 0 && u8(0) !== 1) return undefined; // no ClientHello
  const missing = open && data.length < 4 + (u8(1) << 16 | u16(2)) ? MORE : undefined;
  let at = 4 + 2 + 32; // the message's header, version, random
  at += 1 + u8(at); // session
  at += 2 + u16(at); // cipher suites
  at += 1 + u8(at); // compression methods
  const end = Math.min(at + 2 + u16(at), data.length);
  for (at += 2; at + 4 <= end; at += 4 + u16(at + 2)) {
    if (u16(at) !== 0) continue; // another extension
    const from = at + 4 + 2 + 1 + 2; // its header, length of the list, kind of name, length
    const to = from + u16(from - 2);
    if (from > end || to > end) return missing;
    if (u8(from - 3) !== 0) return undefined; // no host name
    return new TextDecoder().decode(data.subarray(from, to)).toLowerCase();
  }
  return missing;
}

/** What handshake records hold (RFC 8446, 5.1), as far as they are here, and whether more may come. */
function handshake(stream: Uint8Array): { readonly data: Uint8Array; readonly open: boolean } {
  let data = new Uint8Array(0);
  for (let at = 0; at < stream.length;) {
    const [type, major = 3, _minor, high = 0, low = 0] = stream.subarray(at, at + 5);
    if (type !== 22 || major !== 3) return { data, open: false };
    const from = at + 5;
    at = from + (high << 8 | low);
    data = join(data, stream.subarray(from, at));
  }
  return { data, open: true };
}
