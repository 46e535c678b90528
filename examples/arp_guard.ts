/**
 * Drops ARP packets on a bridge that claim an IPv4 address for another hardware address than the
 * owner's: the one given, else the one that was seen first.
 *
 *     sudo nft add table bridge guard
 *     sudo nft add chain bridge guard forward '{ type filter hook forward priority filter; }'
 *     sudo nft add rule bridge guard forward ether type arp queue flags bypass to 0
 *     sudo deno run --allow-ffi examples/arp_guard.ts 10.0.0.1=02:00:00:00:00:01
 *     sudo bun examples/arp_guard.ts 10.0.0.1=02:00:00:00:00:01
 *
 * `nft delete table bridge guard` removes the rule. Another chain like it with `hook input` guards
 * the machine that has the bridge.
 */

import { isIPv4 } from "node:net";
import { parseArgs } from "node:util";
import { PacketQueue, Verdict } from "@nfqueue/nfqueue";

const { values, positionals } = parseArgs({
  options: { queue: { type: "string", default: "0" } },
  allowPositionals: true,
});
/** Hardware addresses by IPv4 address. */
const owners = new Map<string, string>();
for (const word of positionals) {
  const [address = "", owner = ""] = word.toLowerCase().split("=");
  if (!isIPv4(address) || !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(owner)) {
    throw new RangeError(`no pair of addresses: ${word}`);
  }
  owners.set(address, owner);
}
/** So that nobody fills the memory with addresses of his own invention. */
const MOST_OWNERS = 65_536;

using queue = PacketQueue.open(Number(values.queue), { copyRange: 128 });
await queue.run(({ arp }) => {
  // Who asks whether an address is free claims none yet: RFC 5227 has the number 0 for that.
  if (!arp?.senderProtocolNumber) return Verdict.Accept;
  const address = arp.senderProtocolAddress;
  const claimant = arp.senderHardwareAddress;
  const owner = owners.get(address);
  if (owner === claimant) return Verdict.Accept;
  if (owner !== undefined) {
    console.log(`drop  ${address} is at ${owner}, not at ${claimant}`);
    return Verdict.Drop;
  }
  if (owners.size < MOST_OWNERS) {
    owners.set(address, claimant);
    console.log(`learn  ${address} is at ${claimant}`);
  }
  return Verdict.Accept;
});
