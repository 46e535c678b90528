// Bytes of every kind as packets of one's own.

import { test } from "node:test";
import { PacketSender } from "../../mod.ts";
import { buildPacket } from "../../src/packet/mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { type Entry, tryKinds } from "./entries.ts";

requireIsolation();

const LOOPBACK = { source: "127.0.0.1", destination: "127.0.0.1" } as const;

/** By name, as the list of all entries has it. */
const ENTRIES: ReadonlyMap<string, Entry> = new Map([
  ["PacketSender.send", {
    open: () => {
      const sender = PacketSender.open();
      return {
        bytes: buildPacket({ ipv4: LOOPBACK, udp: { destinationPort: 9 } }),
        use: (value) => {
          sender.send(value as Uint8Array);
          sender.close();
        },
        state: () => sender.closed,
      };
    },
  }],
]);

for (const [name, entry] of ENTRIES) {
  test(`bytes of every kind, ${name}`, { timeout: 20_000 }, () => tryKinds(name, entry));
}
