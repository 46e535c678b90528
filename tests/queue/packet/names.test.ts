// A handler that assigns to a name that is none hears which was meant, and the packet stays as it was.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue, Verdict } from "../../../mod.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { queueRule, udpTo } from "../../support/network/rules.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";

requireIsolation();

const timeout = 20_000;

/** Assigns, and gives the message of the TypeError. */
function refusal(object: object | undefined, name: string, value: unknown = 1): string {
  assert.ok(object !== undefined);
  try {
    (object as Record<string, unknown>)[name] = value;
  } catch (error) {
    assert.ok(error instanceof TypeError, `${error}`);
    return error.message;
  }
  return assert.fail(`${name} was assigned`);
}

/** What each assignment to a packet and its views gets to hear. */
const REFUSED: readonly [(packet: Packet) => object | undefined, string, string][] = [
  [({ udp }) => udp, "dport", "udp has no dport: it is destinationPort"],
  [({ ip }) => ip, "src", "ipv4 has no src: it is source"],
  [({ ip }) => ip, "version", "ipv4.version cannot be assigned: it can only be read"],
  [
    (packet) => packet,
    "destinationPort",
    "packet has no destinationPort: it is packet.tcp.destinationPort or packet.udp.destinationPort",
  ],
  [(packet) => packet, "ttl", "packet has no ttl: it is packet.ip.ttl"],
  [
    (packet) => packet,
    "payload",
    "packet.payload cannot be assigned: packet.replacePayload(bytes) takes a whole packet, " +
    "packet.udp.payload = bytes new data",
  ],
  [
    (packet) => packet,
    "mark",
    "packet.mark cannot be assigned: packet.accept({ mark }) sends it with the verdict",
  ],
  [
    (packet) => packet,
    "nfmark",
    "packet has no nfmark: it is mark, which cannot be assigned: packet.accept({ mark }) sends it " +
    "with the verdict",
  ],
  [
    (packet) => packet,
    "protocol",
    "packet has no protocol: it is etherType, which cannot be assigned: packet.ip.protocol = 17 " +
    "says what is behind the IP header",
  ],
  [(packet) => packet, "length", "packet.length cannot be assigned: it follows the payload"],
  [
    (packet) => packet,
    "udp",
    "packet.udp cannot be assigned: assign to its fields, as in packet.ip.ttl = 9",
  ],
  [(packet) => packet, "id", "packet.id cannot be assigned: it can only be read"],
  // A packet refuses the words that are known: what its views have, and what others call it.
  [
    (packet) => packet,
    "dport",
    "packet has no dport: it is packet.tcp.destinationPort or packet.udp.destinationPort",
  ],
  [
    ({ udp }) => udp,
    "colour",
    "udp has no colour; what can be assigned is sourcePort, " +
    "destinationPort, length, checksum, payload",
  ],
];

test("the error names what was meant, and the packet goes on as it came", { timeout }, async () => {
  using socket = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(socket.port) });
  await socket.send("the text", socket);
  let kept: Packet | undefined;
  queue.runSync((packet) => {
    const before = packet.payload.slice();
    for (const [object, name, message] of REFUSED) {
      assert.equal(refusal(object(packet), name), message);
      assert.equal(Reflect.get(object(packet)!, "dport"), undefined);
    }
    assert.equal(packet.modified, false);
    assert.deepEqual(packet.payload.slice(), before);
    kept = packet.copy();
    return Verdict.Accept;
  }, { maxPackets: 1 });
  assert.deepEqual(await socket.take(1), ["the text"]);
  assert.equal(queue.statistics.verdictErrors, 0);
  // A copy, and what has its verdict, refuse likewise.
  assert.equal(refusal(kept?.udp, "dport"), "udp has no dport: it is destinationPort");
  assert.equal(await kept, kept);
});

test("a handler's error ends the run, and the packet gets onError", { timeout }, async () => {
  using socket = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue(), { onError: Verdict.Accept });
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(socket.port) });
  await socket.send("as it came", socket);
  const handler = ({ udp }: Packet) => {
    Object.assign(udp!, { dport: 53 });
    return Verdict.Drop;
  };
  assert.throws(() => queue.runSync(handler, { maxPackets: 1 }), /^TypeError: udp has no dport/);
  assert.deepEqual(await socket.take(1), ["as it came"]);
});

test("options of a queue and of a verdict", { timeout }, async () => {
  const open = (options: object) => () => PacketQueue.open(nextQueue(), options);
  assert.throws(open({ copyrange: 5 }), /options has no "copyrange"; it knows it as copyRange$/);
  assert.throws(open({ max_len: 5 }), /it knows it as maxLength$/);
  assert.throws(open({ reportOverun: true }), /it knows reportOverruns$/);
  using socket = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(socket.port) });
  await socket.send("x", socket);
  queue.runSync((packet) => {
    const options = { nfmark: 5 } as object;
    assert.throws(() => packet.accept(options), /options has no "nfmark"; it knows it as mark$/);
    return Verdict.Accept;
  }, { maxPackets: 1 });
});
