// Large UDP packets: datagrams that the kernel cuts from one packet behind the queue, and tunnels,
// whose inner packet has a checksum that is not computed yet.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packet, PacketQueue, UnfinishedChecksumError, Verdict } from "../../mod.ts";
import { command } from "../support/runtime/command.ts";
import { badPackets, withoutBadPackets } from "../support/network/counters.ts";
import { Filter } from "../support/queue/filter.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Cable, Namespace } from "../support/network/namespaces.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { queueRule, Rule, udpTo } from "../support/network/rules.ts";
import { sendSegments } from "../support/traffic/udp_segments.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

const timeout = 30_000;
const SIZE = 1000;

/** What is done to a packet of several datagrams, and what it is then. */
const EDITS: Readonly<Record<string, (packet: Packet, other: number) => void>> = {
  "a header field": ({ ip }) => ip!.ttl = 33,
  "a port": ({ udp }) => udp!.sourcePort = 999,
  "the other port": ({ udp }, other) => udp!.destinationPort = other,
  "data of the same length": ({ udp }) => udp!.payload = udp!.payload.map((byte) => byte ^ 1),
  "longer data": ({ udp }) => udp!.payload = new Uint8Array(5 * SIZE).fill(7),
  // How long a segment is is not told, but loopback takes anything as one.
  "data that may fit one segment": ({ udp }) => {
    const payload = udp!.payload.slice(0, SIZE + 1);
    assert.throws(() => udp!.payload = payload, { name: "RangeError", message: /one segment/ });
  },
  "a header that would grow": ({ ipv4, ipv6 }) => {
    const data = new Uint8Array(2);
    assert.throws(() => {
      if (ipv4 !== undefined) ipv4.optionList = [{ type: 148, data }];
      else ipv6!.destinationOptions = [{ type: 0x1e, data }];
    }, { name: "RangeError", message: /no other length: open the queue with gso: false/ });
  },
  "a packet in its place": (packet) => packet.replacePayload(packet.payload.slice()),
};

for (const family of [4, 6] as const) {
  test(`datagrams that leave as one packet are edited, IPv${family}`, { timeout }, async () => {
    using receiver = await UdpSocket.open({ family });
    using other = await UdpSocket.open({ family });
    using queue = PacketQueue.open(nextQueue());
    using second = PacketQueue.open(nextQueue());
    const match = ["-p", "udp", "-m", "length", "--length", "1000:65535"];
    using _rule = queueRule(queue.number, { family, chain: "OUTPUT", match });
    const data = Uint8Array.from({ length: 3 * SIZE + 250 }, (_, at) => at);
    let edit: (packet: Packet, other: number) => void = () => {};
    let sent = new Uint8Array();
    let port = 0;
    await using _filter = new Filter(queue, (packet) => {
      assert.ok(packet.udp !== undefined && packet.gso && packet.checksumNotReady);
      edit(packet, other.port);
      sent = packet.udp.payload.slice();
      port = packet.udp.destinationPort;
      packet.requeue(second.number);
    });
    // Edited once, the packet comes with another mark of the kernel's, and is edited again.
    await using _second = new Filter(second, (packet) => {
      if (packet.modified) assert.fail("it is as it came");
      assert.equal(packet.gso, true);
      packet.ip!.dscp = 10;
      return Verdict.Accept;
    });
    await withoutBadPackets(async () => {
      for (const [name, act] of Object.entries(EDITS)) {
        edit = act;
        sendSegments(data, SIZE, receiver);
        const got: number[] = [];
        const end = name === "the other port" ? other : receiver;
        do {
          const { bytes } = await end.receive();
          assert.ok(bytes.length <= SIZE, name);
          got.push(...bytes);
        } while (got.length < sent.length);
        assert.deepEqual(got, [...sent], name);
        assert.equal(port, end.port, name);
      }
    });
    assert.equal(queue.statistics.verdictErrors + second.statistics.verdictErrors, 0);
  });
}

/** A VXLAN from end to end of a cable, with the addresses 10.8.0.1 and .2. */
class Vxlan implements Disposable {
  readonly #device = "nfqvx";

  constructor(cable: Cable, far: Namespace, checksum: "udpcsum" | "noudpcsum") {
    const words = ["type", "vxlan", "id", "1", "dstport", "4789", checksum];
    const ends = [
      { where: [], local: cable.address, remote: cable.farAddress, device: cable.device, own: 1 },
      {
        ...{ where: ["-n", far.name], local: cable.farAddress, remote: cable.address },
        ...{ device: cable.farDevice, own: 2 },
      },
    ];
    for (const { where, local, remote, device, own } of ends) {
      const name = this.#device;
      const path = ["local", local, "remote", remote, "dev", device];
      command("ip", [...where, "link", "add", name, ...words, ...path]);
      command("ip", [...where, "addr", "add", `10.8.0.${own}/24`, "dev", name]);
      command("ip", [...where, "link", "set", name, "up"]);
    }
  }

  [Symbol.dispose](): void {
    command("ip", ["link", "delete", this.#device]);
  }
}

/** Why there is no VXLAN here, if there is none. */
function withoutVxlan(): string | undefined {
  try {
    command("ip", ["link", "add", "nfqprobe", "type", "vxlan", "id", "9", "dstport", "9"]);
    command("ip", ["link", "delete", "nfqprobe"]);
    return undefined;
  } catch (error) {
    return `no VXLAN in this kernel: ${error instanceof Error ? error.message : error}`;
  }
}

const missing = withoutVxlan();
for (const checksum of ["udpcsum", "noudpcsum"] as const) {
  const name = `a tunnel in UDP is refused while its inner checksum is missing, ${checksum}`;
  test(name, { timeout, ...(missing !== undefined && { skip: missing }) }, async () => {
    for (const gso of [true, false]) {
      using far = new Namespace();
      using cable = new Cable(far);
      using _tunnel = new Vxlan(cable, far, checksum);
      using queue = PacketQueue.open(nextQueue(), { gso });
      using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(4789) });
      let refused = 0;
      let edited = 0;
      await using _filter = new Filter(queue, (packet) => {
        const unfinished = packet.checksumNotReady;
        try {
          packet.ip!.ttl = 33;
          packet.udp!.sourcePort = 999;
          edited++;
        } catch (error) {
          assert.ok(error instanceof UnfinishedChecksumError && unfinished && gso, `${error}`);
          assert.equal(packet.modified, false);
          refused++;
        }
        return Verdict.Accept;
      });
      // The far end's answers would be errors of the socket.
      using _quiet = new Rule({ chain: "INPUT", match: ["-p", "icmp"], jump: ["DROP"] });
      using sender = await UdpSocket.open({ address: "10.8.0.1" });
      const before = badPackets(far);
      // Nobody listens there: what the far end counts as such it took the checksums of for right.
      const first = noPorts(far);
      const arrived = () => noPorts(far) - first;
      for (let count = 1; count <= 5; count++) {
        await sender.send("inside", { address: "10.8.0.2", port: 9 });
        await until(() => arrived() === count, {
          what: `datagram ${count} inside`,
          state: arrived,
        });
      }
      assert.deepEqual(badPackets(far), before);
      assert.equal(refused > 0, gso, `${refused} refused, ${edited} edited`);
      assert.ok(gso || edited >= 5);
    }
  });
}

function noPorts(far: Namespace): number {
  const [program = "", ...words] = [...far.prefix, "cat", "/proc/net/snmp"];
  const lines = command(program, words).split("\n").filter((line) => line.startsWith("Udp:"));
  return Number(lines[1]?.split(" ")[2]);
}
