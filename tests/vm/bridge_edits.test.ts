// IP packets that are changed on a bridge: they arrive, and the receiver finds nothing wrong with them.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type Packet, PacketQueue, Verdict } from "../../mod.ts";
import {
  buildPacket,
  finishChecksums,
  type PacketFields,
  parseLayers,
} from "../../src/packet/mod.ts";
import { fieldChanges } from "../scenarios/editing/cases.ts";
import { UPPER } from "../scenarios/editing/packets.ts";
import { partChanges } from "../scenarios/editing/parts.ts";
import type { Change } from "../scenarios/editing/traffic.ts";
import { withoutBadPackets } from "../support/network/counters.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Bridge } from "../support/vm/bridge.ts";
import { FrameEditor } from "../support/vm/frame_editor.ts";
import { inMachine } from "../support/vm/machine.ts";
import { NftRule } from "../support/vm/nft.ts";
import { until } from "../support/runtime/waiting.ts";
import { counting } from "../packet/edits.ts";

requireIsolation();

/** Bytes of its header. */
const ETHERNET = 14;

/** The hosts' addresses, and others of the right one, to which a packet may be changed. */
const ADDRESSES = {
  4: { from: "10.8.0.1", to: "10.8.0.2", others: ["10.8.0.10", "10.8.255.254"] },
  6: { from: "fd08::1", to: "fd08::2", others: ["fd08::a", "fd08::ff00:1"] },
} as const;

function frameFor({ left, right }: Bridge, family: 4 | 6, upper: PacketFields): Uint8Array {
  const { from: source, to: destination } = ADDRESSES[family];
  return buildPacket({
    ethernet: { destination: right.hardwareAddress, source: left.hardwareAddress },
    ...(family === 4
      ? { ipv4: { source, destination, identification: 0x4444 } }
      : { ipv6: { source, destination } }),
    ...upper,
  });
}

/** Of UDP the IP header is as TCP's. */
const PACKETS = [[4, "tcp"], [4, "udp"], [6, "tcp with data"], [6, "udp"]] as const;

test("every field and part of IPv4, IPv6, TCP and UDP", inMachine, async () => {
  await using editor = new FrameEditor();
  const { left, right } = editor.bridge;
  left.addAddresses([ADDRESSES[6].from]);
  right.addAddresses([...ADDRESSES[4].others, ADDRESSES[6].to, ...ADDRESSES[6].others]);
  await withoutBadPackets(async () => {
    for (const [family, name] of PACKETS) {
      const frame = frameFor(editor.bridge, family, UPPER[family][name] ?? {});
      const { others } = ADDRESSES[family];
      const fields = fieldChanges(family, frame.subarray(ETHERNET), others);
      const changes = firstAndLast(
        name === "udp" ? fields.filter((change) => change.name.startsWith("udp.")) : fields,
      );
      assert.ok(changes.length >= (name === "udp" ? 4 : 50), `${changes.length}`);
      changes.push(...partChanges(family, [0, 1, 33, 1300]));
      for (const change of changes) {
        const seen = await editor.pass(frame, { ...change, name: `${name}: ${change.name}` });
        const packet = seen.slice(ETHERNET);
        assert.deepEqual(finishChecksums(packet.slice()), packet, change.name);
        change.check(parseLayers(packet));
      }
      await editor.pass(frame, { name: "as long as the MTU", act: growToMost });
    }
  }, right);
});

/** Of each field's values; loopback sees them all. */
function firstAndLast(changes: readonly Change[]): Change[] {
  const fieldOf = ({ name }: Change) => name.slice(0, name.indexOf(" = "));
  return changes.filter((change, at) =>
    [changes[at - 1], changes[at + 1]].some((next) =>
      next === undefined || fieldOf(next) !== fieldOf(change)
    )
  );
}

/** To the MTU, and not further: a bridge splits nothing, whatever DF says, and tells nobody. */
function growToMost({ ip, ipv4, tcp, udp }: Packet): void {
  const upper = tcp ?? udp;
  assert.ok(ip !== undefined && upper !== undefined);
  if (ipv4 !== undefined) ipv4.dontFragment = false;
  const most = 1500 - ip.headerLength - (tcp?.headerLength ?? 8);
  upper.payload = counting(most);
  assert.throws(() => upper.payload = counting(most + 1), {
    name: "RangeError",
    message: /1501 bytes, and port\d+ takes 1500 .* a bridge splits nothing/,
  });
}

test(
  "a stream whose ports and data are changed, in packets of many segments",
  inMachine,
  async () => {
    using bridge = new Bridge();
    const { left, right } = bridge;
    using queue = PacketQueue.open(nextQueue());
    using _rule = new NftRule(
      { family: "bridge", hook: "forward" },
      `ether type ip ip protocol tcp queue num ${queue.number}`,
    );
    let [large, unfinished] = [0, 0];
    await using _filter = new Filter(queue, (packet) => {
      const { tcp } = packet;
      assert.ok(tcp !== undefined);
      if (tcp.destinationPort === 5000) {
        tcp.destinationPort = 6000;
        if (packet.gso) large++;
        if (packet.checksumNotReady) unfinished++;
        tcp.payload = tcp.payload.map((byte) => byte ^ 0x20);
      } else if (tcp.sourcePort === 6000) tcp.sourcePort = 5000;
      return Verdict.Accept;
    });
    const size = 300_000;
    await withoutBadPackets(async () => {
      const sum = right.runAside(["sh", "-c", "busybox nc -l -p 6000 </dev/null | md5sum"]);
      sum.catch(() => {});
      const sockets = () => right.run(["cat", "/proc/net/tcp", "/proc/net/tcp6"]);
      await until(() => sockets().includes(":1770 "), { what: "port 6000 is open" });
      const send = `head -c ${size} /dev/zero | tr '\\0' a >/dev/tcp/${right.address}/5000`;
      await left.runAside(["bash", "-c", send]);
      const expected = createHash("md5").update("A".repeat(size)).digest("hex");
      assert.equal((await sum).split(" ")[0], expected);
    }, right);
    assert.ok(large > 0 && unfinished > 0, `${large} ${unfinished}`);
  },
);
