/**
 * Drops TLS connections by the server name that they ask for, or all but those of some names. A name
 * stands for the ones below it too. What is not a ClientHello, or tells no name, passes.
 *
 *     sudo iptables -A OUTPUT -p tcp --dport 443 -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo deno run --allow-ffi examples/tls_sni.ts example.com ads.example.net
 *     sudo bun examples/tls_sni.ts --only example.com
 *
 * `iptables -D OUTPUT …` removes the rule; `ip6tables` takes the same words for IPv6. Browsers take
 * TCP where `iptables -A OUTPUT -p udp --dport 443 -j REJECT` leaves them no HTTP/3. A name in the
 * second packet of a ClientHello is not seen, nor is one that is encrypted.
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

using queue = PacketQueue.open(Number(values.queue));
await queue.run(({ ip, tcp }) => {
  const name = tcp && serverName(tcp.payload);
  if (name === undefined) return Verdict.Accept;
  const listed = names.some((listed) => name === listed || name.endsWith(`.${listed}`));
  if (listed === values.only) return Verdict.Accept;
  console.log(`drop  ${ip?.source} > ${ip?.destination}  ${JSON.stringify(name)}`);
  // It is sent again and dropped again, until the client gives up.
  return Verdict.Drop;
});

/** The name in a ClientHello (RFC 8446, 4.1.2, and RFC 6066, 3), in lower case; it may be cut. */
function serverName(data: Uint8Array): string | undefined {
  // Bytes behind the end read as 0. Nothing is skipped backwards, so the end is reached.
  const u8 = (at: number) => data[at] ?? 0;
  const u16 = (at: number) => u8(at) << 8 | u8(at + 1);
  if (u8(0) !== 22 || u8(5) !== 1) return undefined; // handshake, ClientHello
  let at = 5 + 4 + 2 + 32; // the headers of record and message, version, random
  at += 1 + u8(at); // session
  at += 2 + u16(at); // cipher suites
  at += 1 + u8(at); // compression methods
  const end = Math.min(at + 2 + u16(at), data.length);
  for (at += 2; at + 4 <= end; at += 4 + u16(at + 2)) {
    if (u16(at) !== 0) continue; // another extension
    const from = at + 4 + 2 + 1 + 2; // its header, length of the list, kind of name, length
    const to = from + u16(from - 2);
    if (u8(from - 3) !== 0 || to > end) return undefined; // no host name, or cut
    return new TextDecoder().decode(data.subarray(from, to)).toLowerCase();
  }
  return undefined;
}
