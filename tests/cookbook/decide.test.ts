// The recipes that let pass or refuse, in the kit.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Verdict } from "../../mod.ts";
import { buildPacket, parseLayers } from "../../src/packet/mod.ts";
import {
  ENDS,
  ENDS6,
  Lines,
  recipeInKit as inKit,
  tcp,
  TestClock,
  udp,
} from "../support/filter/recipes.ts";
import { Child } from "../support/runtime/child.ts";

const limit = { timeout: 20_000 };
const { Accept, Drop } = Verdict;

test("reject_port", limit, async () => {
  await using kit = await inKit("decide/reject_port");
  for (const ip of [ENDS, ENDS6]) {
    const reset = await kit.send(tcp(25, { ip }));
    assert.deepEqual([reset.verdict, reset.sent.length], [Drop, 1]);
    const answer = parseLayers(reset.sent[0]!);
    assert.deepEqual([answer.tcp?.rst, answer.ip?.destination], [true, ip.source]);
    const unreachable = await kit.send(udp(587, "x", { ip }), { hook: "forward" });
    assert.equal(unreachable.verdict, Drop);
    const { icmp, icmpv6 } = parseLayers(unreachable.sent[0]!);
    assert.deepEqual([(icmp ?? icmpv6)?.type, (icmp ?? icmpv6)?.code], icmp ? [3, 3] : [1, 4]);
  }
  assert.equal((await kit.send(tcp(443))).queued, false);
  assert.equal((await kit.send(tcp(25), { hook: "input" })).queued, false);
});

test("block_networks", limit, async () => {
  using lines = new Lines();
  await using kit = await inKit("decide/block_networks");
  const from = (source: string, hook: "input" | "forward" = "input") => {
    const destination = source.includes(":") ? ENDS6.destination : ENDS.destination;
    return kit.send(tcp(443, { ip: { source, destination } }), { hook });
  };
  for (const source of ["192.0.2.1", "198.51.100.255", "192.0.2.1", "2001:db8:bad::9"]) {
    assert.equal((await from(source)).verdict, Drop, source);
    assert.equal((await from(source, "forward")).verdict, Drop, source);
  }
  for (const source of ["192.0.3.1", "203.0.113.7", "2001:db8:bae::9"]) {
    assert.equal((await from(source)).queued, false, source);
  }
  assert.equal(lines.all.length, 3, "each sender once");
  assert.match(lines.all[0]!, /^drop {2}IP 192\.0\.2\.1\.40000 > /);
});

test("block_inbound", limit, async () => {
  using lines = new Lines();
  await using kit = await inKit("decide/block_inbound");
  const told = { inDevice: "eth0", state: "new" } as const;
  for (const packet of [tcp(8080), udp(53), tcp(445, { ip: ENDS6 })]) {
    assert.equal((await kit.send(packet, told)).verdict, Drop);
    assert.equal((await kit.send(packet, { ...told, state: "invalid" })).verdict, Drop);
  }
  const others = [
    kit.send(tcp(8080), { ...told, state: "established" }),
    kit.send(tcp(8080), { ...told, inDevice: "lo" }),
    kit.send(tcp(8080), { ...told, hook: "output" }),
    ...[22, 80, 443].map((port) => kit.send(tcp(port), told)),
    kit.send(udp(68), told),
    kit.send(buildPacket({ ip: ENDS, icmp: { type: 8 } }), told),
  ];
  for (const result of others) assert.equal((await result).queued, false);
  assert.equal(lines.all.length, 6);
});

test("ask_me, with a person who types", limit, async () => {
  await using person = new Child(new URL("fixtures/ask_me.ts", import.meta.url), {
    prefix: ["sh", "-c", 'printf "y\\nno\\n" | "$@"', "sh"],
  });
  assert.deepEqual(await person.end(), { code: 0, signal: null }, person.errors);
  const [last, ...questions] = person.output.trim().split("\n").reverse();
  assert.deepEqual(JSON.parse(last!), {
    verdicts: [1, 1, 0, 0, 1, 0],
    resets: [0, 0, 1, 1, 0, 1],
    others: [false, false, false],
  });
  assert.equal(
    questions.join("").replaceAll("May this", "\nMay this").trim(),
    "May this machine speak to 203.0.113.80 port 443? [y/N] " +
      "\nMay this machine speak to 203.0.113.80 port 25? [y/N]",
  );
});

test("ask_me, with nobody there: the packet is dropped after a minute", limit, async () => {
  const folder = mkdtempSync(join(tmpdir(), "nfqueue-recipe-"));
  await using nobody = new Child(new URL("fixtures/ask_me.ts", import.meta.url), {
    parameters: ["alone"],
    // Both ends of the pipe are its own: nothing ever comes.
    prefix: ["sh", "-c", 'mkfifo "$0" && exec "$@" <>"$0"', join(folder, "keyboard")],
  });
  await nobody.says('"deadline"');
  assert.deepEqual(await nobody.end(), { code: 0, signal: null }, nobody.errors);
  rmSync(folder, { recursive: true });
});

test("port_knocking", limit, async () => {
  await using kit = await inKit("decide/port_knocking");
  using clock = new TestClock();
  const from = async (source: string, ...ports: number[]) => {
    const verdicts: Verdict[] = [];
    for (const port of ports) {
      const packet = tcp(port, { ip: { source, destination: ENDS.destination } });
      verdicts.push((await kit.send(packet, { state: "new" })).verdict);
    }
    return verdicts;
  };
  const [honest, other] = ["203.0.113.7", "203.0.113.8"];
  assert.deepEqual(await from(honest, 22), [Drop]);
  assert.deepEqual(await from(honest, 7000, 8000, 9000, 22, 22), [
    Drop,
    Drop,
    Drop,
    Accept,
    Accept,
  ]);
  assert.deepEqual(await from(other, 22), [Drop], "it is open for one");
  clock.tick(29_999);
  assert.deepEqual(await from(honest, 22), [Accept]);
  clock.tick(1);
  assert.deepEqual(await from(honest, 22), [Drop]);
  // Out of order, too slow, and with one of them sent twice.
  assert.deepEqual((await from(other, 8000, 7000, 9000, 22)).at(-1), Drop);
  assert.deepEqual((await from(other, 7000, 9000, 8000, 22)).at(-1), Drop);
  assert.deepEqual((await from(other, 7000, 8000, 7000, 9000, 22)).at(-1), Drop);
  await from(other, 7000, 8000);
  clock.tick(10_000);
  assert.deepEqual((await from(other, 9000, 22)).at(-1), Drop);
  assert.deepEqual((await from(other, 7000, 7000, 8000, 8000, 9000, 9000, 22)).at(-1), Accept);
  // What runs goes on, and other ports are nobody's business here.
  assert.equal((await kit.send(tcp(22), { state: "established" })).queued, false);
  assert.equal((await kit.send(tcp(80), { state: "new" })).queued, false);
});

test("limit_user", limit, async () => {
  using lines = new Lines();
  await using kit = await inKit("decide/limit_user");
  const told = { user: "nobody", uid: 65534, outDevice: "eth0" } as const;
  const { verdict, sent } = await kit.send(tcp(443), told);
  assert.equal(verdict, Drop);
  const { icmp } = parseLayers(sent[0]!);
  assert.deepEqual([icmp?.type, icmp?.code], [3, 13]);
  assert.equal(lines.all.length, 1);
  const inside = { source: ENDS.source, destination: "10.1.2.3" };
  const others = [
    kit.send(tcp(443), { ...told, user: "root", uid: 0 }),
    kit.send(tcp(443), { ...told, user: undefined, uid: undefined }),
    kit.send(tcp(443), { ...told, outDevice: "lo" }),
    kit.send(tcp(443, { ip: inside }), told),
  ];
  for (const result of others) assert.equal((await result).queued, false);
});

test("limit_connections", limit, async () => {
  await using kit = await inKit("decide/limit_connections");
  using clock = new TestClock();
  const begin = async (count: number, ip: { source: string; destination: string } = ENDS) => {
    const results = Array.from(
      { length: count },
      () => kit.send(tcp(22, { ip }), { state: "new" }),
    );
    return (await Promise.all(results)).map(({ verdict }) => verdict);
  };
  assert.deepEqual(await begin(3), [Accept, Accept, Accept]);
  clock.tick(30_000);
  assert.deepEqual(await begin(4), [Accept, Accept, Drop, Drop]);
  assert.deepEqual(await begin(1, { ...ENDS, source: "203.0.113.9" }), [Accept]);
  clock.tick(30_000); // the first three are a minute ago
  assert.deepEqual(await begin(4), [Accept, Accept, Accept, Drop]);
  // All addresses of one network of IPv6 are one sender.
  for (let host = 1; host <= 6; host++) {
    const ip = { ...ENDS6, source: `2001:db8:1::${host}` };
    assert.deepEqual(await begin(1, ip), [host <= 5 ? Accept : Drop]);
  }
  assert.deepEqual(await begin(1, { ...ENDS6, source: "2001:db8:2::1" }), [Accept]);
  assert.equal((await kit.send(tcp(22), { state: "established" })).queued, false);
});

test("answer_ping", limit, async () => {
  await using kit = await inKit("decide/answer_ping");
  const ip = { source: ENDS.source, destination: "192.0.2.99" };
  const payload = new TextEncoder().encode("are you there?");
  const ping = (icmp: object, hook: "output" | "forward" = "output") =>
    kit.send({ ip, icmp: { identifier: 7, sequenceNumber: 3, ...icmp }, payload }, { hook });
  for (const hook of ["output", "forward"] as const) {
    const { verdict, sent } = await ping({ type: 8 }, hook);
    assert.deepEqual([verdict, sent.length], [Drop, 1]);
    const answer = buildPacket({
      ip: { source: ip.destination, destination: ip.source },
      ...{ icmp: { type: 0, identifier: 7, sequenceNumber: 3 }, payload },
    });
    assert.deepEqual(new Uint8Array(sent[0]!), answer);
  }
  assert.equal((await ping({ type: 0 })).verdict, Accept);
  assert.equal((await ping({ type: 3 })).verdict, Accept);
  assert.equal((await kit.send({ ip: ENDS, icmp: { type: 8 } })).queued, false);
  assert.equal((await kit.send(udp(7, "x", { ip }))).queued, false);
});

test("ipv6_headers", limit, async () => {
  using lines = new Lines();
  await using kit = await inKit("decide/ipv6_headers");
  const six = (extensions: { protocol: number; data: Uint8Array }[]) =>
    kit.send({ ipv6: { ...ENDS6, extensions }, udp: { destinationPort: 53 } });
  const bytes = (hex: string) => Uint8Array.from(hex.match(/../g)!, (byte) => parseInt(byte, 16));
  const options = (protocol: number) => ({ protocol, data: bytes("010400000000") });
  const routing = (type: string) => ({
    ...{
      protocol: 43,
      data: bytes(`${type}00000000000102030405060708090a0b0c0d0e0f10`.slice(0, 44)),
    },
  });
  const fragment = (offset: string) => ({ protocol: 44, data: bytes(`${offset}deadbeef`) });
  const dropped = [[routing("00")], [fragment("0000")], [0, 60, 43, 60].map(options)];
  for (const extensions of dropped) assert.equal((await six(extensions)).verdict, Drop);
  assert.equal(lines.all.length, 3);
  const passing = [[], [options(0)], [options(0), options(60)], [routing("02")], [
    fragment("0001"),
  ]];
  for (const extensions of passing) {
    const { queued, verdict } = await six(extensions);
    assert.deepEqual([queued, verdict], [true, Accept]);
  }
  assert.equal((await kit.send(udp(53))).queued, false);
});
