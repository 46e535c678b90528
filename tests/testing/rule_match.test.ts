// The rules of a filter in a test catch what the backends' rules catch in the kernel: the same table.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Verdict } from "../../mod.ts";
import type { PacketFields } from "../../src/packet/mod.ts";
import { testFilter, type TestFilterSendOptions } from "../../src/testing/mod.ts";
import { ruleCases, type SentPacket } from "../rules/rule_packets.ts";

const timeout = 20_000;
/** Devices and addresses as those of a scene. */
const cable = (device: string, number: number) => ({
  ...{ device, address: `10.${number}.0.1`, farAddress: `10.${number}.0.2` },
  ...{ address6: `fd00:${number}::1`, farAddress6: `fd00:${number}::2` },
});
const scene = { near: cable("near0", 1), far: cable("far0", 2) };
const { near, far } = scene;
const NUMBERS: Readonly<Record<string, number>> = { udp: 17, tcp: 6, icmp: 1 };

function fieldsOf({ protocol = "udp", ...packet }: SentPacket): PacketFields {
  const six = [packet.source, packet.destination].some((address) => address?.includes(":"));
  const local = six ? "::1" : "127.0.0.1";
  const { source = local, destination = local, sourcePort = 4000 } = packet;
  const { destinationPort = 4001, flags = { syn: true } } = packet;
  const ports = { sourcePort, destinationPort };
  const number = typeof protocol === "number" ? protocol : NUMBERS[protocol]!;
  const ip = six
    ? { ipv6: { source, destination, ...(typeof protocol === "number" && { protocol: number }) } }
    : { ipv4: { source, destination, ...(typeof protocol === "number" && { protocol: number }) } };
  if (protocol === "udp") return { ...ip, udp: ports };
  if (protocol === "tcp") return { ...ip, tcp: { ...ports, ...flags } };
  if (protocol !== "icmp") return { ...ip, payload: new Uint8Array(12) };
  return six ? { ...ip, icmpv6: { type: 128, code: 0 } } : { ...ip, icmp: { type: 8, code: 0 } };
}

/** The hooks that it passes. */
function wayOf(
  { from = "output", destination = "127.0.0.1" }: SentPacket,
): TestFilterSendOptions[] {
  if (from === "near") {
    const inDevice = near.device;
    const came = { hook: "prerouting", inDevice } as const;
    const here = [near.address, near.address6].includes(destination);
    if (here) return [came, { hook: "input", inDevice }];
    const outDevice = far.device;
    return [came, { hook: "forward", inDevice, outDevice }, { hook: "postrouting", outDevice }];
  }
  const away = [far.farAddress, far.farAddress6].includes(destination);
  const sent = { uid: 0, outDevice: away ? far.device : "lo" };
  const left = [{ hook: "output", ...sent }, { hook: "postrouting", ...sent }] as const;
  const lo = { inDevice: "lo" };
  return away ? [...left] : [...left, { hook: "prerouting", ...lo }, { hook: "input", ...lo }];
}

const cases = ruleCases(scene as never).filter(({ rule }) =>
  rule.expression === undefined && rule.firstPackets === undefined &&
  rule.state === undefined && rule.not?.state === undefined
);

test("there are cases", () => assert.ok(cases.length > 20, `${cases.length}`));

for (const { name, rule, packets, queues = 1 } of cases) {
  test(name, { timeout }, async () => {
    await using kit = testFilter({ rules: rule, packet: () => Verdict.Accept }, {
      queues: queues === 1 ? 7 : { from: 7, to: 6 + queues },
    });
    for (const packet of packets) {
      const { mark = 0 } = packet;
      let queued = false;
      for (const place of wayOf(packet)) {
        queued ||= (await kit.send(fieldsOf(packet), { ...place, mark })).queued;
      }
      assert.equal(queued, packet.queued, JSON.stringify(packet));
    }
  });
}
