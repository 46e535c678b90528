// Bytes of every kind as packets of one's own.

import { test } from "node:test";
import { type Packet, PacketSender } from "../../mod.ts";
import { buildPacket } from "../../src/packet/mod.ts";
import { StandIn } from "../support/stand_ins/stand_in.ts";
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
  ...(["answer", "send"] as const).map((method): [string, Entry] => [
    method === "answer" ? "Packet.answer" : "Packet.send",
    {
      open: () => {
        const stage = new StandIn();
        stage.send("question");
        const packets: Packet[] = [];
        stage.queue.runSync((packet) => {
          packet.hold();
          packets.push(packet);
        }, { timeout: 0 });
        return {
          bytes: buildPacket({ ipv4: LOOPBACK, udp: { destinationPort: 9 } }),
          use: (value) => packets[0]![method](value as Uint8Array),
          state: () => [packets[0]!.verdict, stage.kernel.sent.map(({ bytes }) => bytes)],
        };
      },
    },
  ]),
]);

for (const [name, entry] of ENTRIES) {
  test(`bytes of every kind, ${name}`, { timeout: 20_000 }, () => tryKinds(name, entry));
}
