// Packets of one's own through raw sockets: to receivers here and behind a cable, and what is refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketSender, SystemError } from "../../mod.ts";
import { buildPacket, parseLayers } from "../../src/packet/mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { inside } from "../support/network/inside.ts";
import { awaitAddress6, Cable, Namespace } from "../support/network/namespaces.ts";
import { Rule, udpTo } from "../support/network/rules.ts";
import { command } from "../support/runtime/command.ts";
import { openDescriptors } from "../support/runtime/descriptors.ts";
import { Child, isBun } from "../support/runtime/child.ts";
import { Capture } from "../support/traffic/raw.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const limit = { timeout: 20_000 } as const;
const families = [4, 6] as const;
const LOOPBACK = { 4: "127.0.0.1", 6: "::1" } as const;
const text = (words: string) => new TextEncoder().encode(words);

function datagram(
  family: 4 | 6,
  { source = LOOPBACK[family], destination = LOOPBACK[family], port, payload = text("own") }: {
    readonly source?: string;
    readonly destination?: string;
    readonly port: number;
    readonly payload?: Uint8Array;
  },
): Uint8Array<ArrayBuffer> {
  const udp = { sourcePort: 4000, destinationPort: port };
  const addresses = { source, destination };
  return buildPacket({
    ...(family === 4 ? { ipv4: { ...addresses, dontFragment: true } } : { ipv6: addresses }),
    ...{ udp, payload },
  });
}

for (const family of families) {
  test(`a packet of one's own reaches a socket, with its mark, IPv${family}`, limit, async () => {
    using receiver = await UdpSocket.open({ family });
    const match = [...udpTo(receiver.port), "-m", "mark", "--mark"];
    using own = new Rule({ family, chain: "OUTPUT", match: [...match, "0x6e667101"] });
    using other = new Rule({ family, chain: "OUTPUT", match: [...match, "7"] });
    using sender = PacketSender.open();
    assert.equal(PacketSender.defaultMark, 0x6e667101);
    assert.equal(sender.mark, PacketSender.defaultMark);
    sender.send(datagram(family, { port: receiver.port }));
    const { text, from } = await receiver.receive();
    assert.deepEqual({ text, from }, {
      text: "own",
      from: { address: LOOPBACK[family], port: 4000 },
    });
    using marked = PacketSender.open({ mark: 7 });
    marked.send(datagram(family, { port: receiver.port }));
    assert.deepEqual(await receiver.take(1), ["own"]);
    assert.deepEqual([own.packets, other.packets], [1, 1]);
  });

  test(`any source, over a cable, as it was given, IPv${family}`, limit, async () => {
    using far = new Namespace();
    using cable = new Cable(far);
    using capture = new Capture(family, cable.device, { leaving: true });
    using sender = PacketSender.open();
    const source = family === 4 ? "192.0.2.77" : "2001:db8::77";
    const destination = family === 4 ? cable.farAddress : cable.farAddress6;
    const bytes = datagram(family, { source, destination, port: 9 });
    sender.send(bytes);
    const seen = await capture.find(
      (packet) => parseLayers(packet).ip?.source === source,
      "the packet on the cable",
    );
    assert.deepEqual(seen, bytes);
  });

  test(`larger than its way: RangeError, and nothing is sent, IPv${family}`, limit, () => {
    using far = new Namespace();
    using cable = new Cable(far);
    using sender = PacketSender.open();
    const destination = family === 4 ? cable.farAddress : cable.farAddress6;
    const source = family === 4 ? cable.address : cable.address6;
    const headers = family === 4 ? 28 : 48;
    const sized = (size: number) =>
      datagram(family, { source, destination, port: 9, payload: new Uint8Array(size - headers) });
    assert.throws(() => sender.send(sized(1501)), {
      name: "RangeError",
      message:
        `the packet has 1501 bytes, and its way to ${destination} takes packets of at most ` +
        "1500 bytes: raw sockets split nothing",
    });
    sender.send(sized(1500));
  });

  test(`a rule drops it: EPERM with advice, IPv${family}`, limit, async () => {
    using receiver = await UdpSocket.open({ family });
    using _rule = new Rule({
      family,
      chain: "OUTPUT",
      match: udpTo(receiver.port),
      jump: ["DROP"],
    });
    using sender = PacketSender.open();
    assert.throws(
      () => sender.send(datagram(family, { port: receiver.port })),
      (error) =>
        error instanceof SystemError && error.code === "EPERM" && error.syscall === "sendto" &&
        /A rule of this host drops .* mark 0x6e667101/.test(error.message),
    );
  });

  test(`no route: SystemError that says so, IPv${family}`, limit, () => {
    using sender = PacketSender.open();
    const destination = family === 4 ? "198.51.100.1" : "2001:db8:5::1";
    assert.throws(
      () => sender.send(datagram(family, { destination, port: 9 })),
      (error) =>
        error instanceof SystemError && error.code === "ENETUNREACH" &&
        error.message.endsWith(`This host has no route to ${destination}`),
    );
  });
}

test("a device: past the routes, and to link-local addresses", limit, async () => {
  using namespace = new Namespace();
  using cable = new Cable(namespace);
  command("ip", ["addr", "add", "fe80::1:1/64", "dev", cable.device, "nodad"]);
  const far = ["-n", namespace.name, "addr", "add", "fe80::1:2/64", "dev", cable.farDevice];
  command("ip", [...far, "nodad"]);
  awaitAddress6("fe80::1:1");
  const next = (capture: Capture, port: number) =>
    capture.find((bytes) => parseLayers(bytes).udp?.destinationPort === port, `port ${port}`);
  const received = (family: 4 | 6) => inside(namespace, () => new Capture(family, cable.farDevice));
  using over4 = received(4);
  using over6 = received(6);
  using sender = PacketSender.open({ device: cable.device });
  // No route leads there.
  sender.send(datagram(4, { source: cable.address, destination: cable.farAddress, port: 5001 }));
  await next(over4, 5001);
  sender.send(datagram(6, { source: "fe80::1:1", destination: "fe80::1:2", port: 5002 }));
  await next(over6, 5002);
  using missing = PacketSender.open({ device: "none0" });
  assert.throws(
    () => missing.send(datagram(4, { port: 9 })),
    (error) =>
      error instanceof SystemError && error.code === "ENODEV" &&
      /There is no device "none0" here/.test(error.message),
  );
  for (const device of ["", "a/b", "sixteen-letters-", 5]) {
    assert.throws(() => PacketSender.open({ device: device as string }), /device must be/);
  }
});

test("sockets are opened at the first packet and closed with the sender", limit, () => {
  const before = openDescriptors();
  const sender = PacketSender.open();
  assert.equal(openDescriptors(), before);
  for (const family of families) sender.send(datagram(family, { port: 9 }));
  assert.equal(openDescriptors(), before + 2);
  for (const family of families) sender.send(datagram(family, { port: 9 }));
  assert.equal(openDescriptors(), before + 2);
  assert.equal(sender.closed, false);
  sender.close();
  sender.close();
  assert.equal(openDescriptors(), before);
  assert.equal(sender.closed, true);
  assert.throws(() => sender.send(datagram(4, { port: 9 })), /the PacketSender is closed/);
  assert.equal(openDescriptors(), before);
});

test("what is no packet is refused before a socket is opened", limit, () => {
  const before = openDescriptors();
  using sender = PacketSender.open();
  const good = datagram(4, { port: 9 });
  const good6 = datagram(6, { port: 9 });
  const changed = (bytes: Uint8Array, at: number, value: number) => {
    const copy = bytes.slice();
    copy[at] = value;
    return copy;
  };
  for (
    const [bytes, words] of [
      [new Uint8Array(0), /whole IPv4 or IPv6 packet .* got 0 bytes/],
      [good.slice(0, 19), /whole IPv4 or IPv6 packet/],
      [good6.slice(0, 39), /whole IPv4 or IPv6 packet/],
      [changed(good, 0, 0x55), /whole IPv4 or IPv6 packet/],
      [changed(good, 0, 0x44), /header of 16 bytes/],
      [changed(good, 0, 0x4f), /header of 60 bytes/],
      [good.slice(0, 30), /has 30 bytes, and its IP header says 31/],
      [good6.slice(0, 50), /has 50 bytes, and its IP header says 51/],
      [new Uint8Array(65_576).fill(0x60), /0 to 65575 bytes/],
    ] as const
  ) {
    assert.throws(() => sender.send(bytes), (error) => {
      assert.ok(error instanceof RangeError);
      assert.match(error.message, words);
      return true;
    });
  }
  assert.throws(() => sender.send("packet" as never), TypeError);
  assert.equal(openDescriptors(), before);
});

test("options", limit, () => {
  assert.throws(() => PacketSender.open({ mark: -1 }), /RangeError: mark must be/);
  assert.throws(() => PacketSender.open({ mark: "1" as never }), /TypeError: mark must be/);
  assert.throws(
    () => PacketSender.open({ marks: 1 } as never),
    /TypeError: options has no "marks"/,
  );
});

const sendOne = new URL("fixtures/send_one.ts", import.meta.url);

test("without CAP_NET_RAW: SystemError that says so", limit, async () => {
  await using child = new Child(sendOne, {
    prefix: ["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-all", "--"],
  });
  assert.deepEqual(await child.end(), { code: 0, signal: null }, child.errors);
  assert.match(child.output, /^EPERM socket: EPERM .* lacks CAP_NET_RAW/);
});

test(
  "--allow-ffi is enough",
  { ...limit, ...(isBun ? { skip: "Bun has no permissions" } : {}) },
  async () => {
    await using child = new Child(sendOne, { permissions: ["--allow-ffi"] });
    assert.deepEqual(await child.end(), { code: 0, signal: null }, child.errors);
    assert.equal(child.output, "sent\n");
  },
);
