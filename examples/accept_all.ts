/**
 * Lets every packet pass and tells at Ctrl-C how many there were.
 *
 *     sudo iptables -A INPUT -p icmp -j NFQUEUE --queue-num 0 --queue-bypass
 *     sudo deno run --allow-ffi examples/accept_all.ts
 *     sudo bun examples/accept_all.ts
 *
 * `iptables -D INPUT …` removes the rule; `ip6tables` takes `-p icmpv6` for IPv6.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { PacketQueue, Verdict } from "@nfqueue/nfqueue";

const { values } = parseArgs({ options: { queue: { type: "string", default: "0" } } });

const controller = new AbortController();
process.once("SIGINT", () => controller.abort());

// Nothing of the packets is read, so none of it need be copied.
using queue = PacketQueue.open(Number(values.queue), { copyRange: 0 });
await queue.run(() => Verdict.Accept, { signal: controller.signal });

const { received, accepted, overruns } = queue.statistics;
console.log(`${received} packets came, ${accepted} were accepted, ${overruns} were lost`);
