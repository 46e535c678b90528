// Bytes of every kind where the C library or the kernel gets them: what C is told of their length is
// true, and what cannot be lent to it is refused. Real queues.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AF_INET,
  AF_INET6,
  NF_ACCEPT,
  NfqHandle,
  NFQNL_COPY_PACKET,
  NlmsgBuilder,
  PacketBuffer,
} from "../../src/libnetfilter_queue/mod.ts";
import { buildPacket } from "../../src/packet/mod.ts";
import { encodePacketMessage } from "../../src/netlink/mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { withUdpText } from "../support/traffic/packets.ts";
import { queueRule, udpTo } from "../support/network/rules.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { type Entry, tryKind, tryKinds } from "./entries.ts";
import { KINDS } from "./kinds.ts";

requireIsolation();

const limit = { timeout: 60_000 } as const;
const count = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => at);
const ipv4 = { source: "192.0.2.1", destination: "198.51.100.2" };
const ipv6 = { source: "2001:db8::1", destination: "2001:db8::2" };
const payload = count(100);
const PACKETS = {
  tcp: [AF_INET, buildPacket({ ipv4, tcp: {}, payload })],
  udp: [AF_INET, buildPacket({ ipv4, udp: {}, payload })],
  tcp6: [AF_INET6, buildPacket({ ipv6, tcp: {}, payload })],
  udp6: [AF_INET6, buildPacket({ ipv6, udp: {}, payload })],
} as const;

/** What a method of a packet buffer makes of the packet. */
function buffer(
  packet: keyof typeof PACKETS,
  bytes: Uint8Array,
  use: (buffer: PacketBuffer, value: Uint8Array) => unknown,
): Entry {
  return {
    open: () => {
      const [family, data] = PACKETS[packet];
      const made = PacketBuffer.pktb_alloc(family, data, 300);
      if (family === AF_INET) made.nfq_ip_set_transport_header();
      else made.nfq_ip6_set_transport_header(packet === "tcp6" ? 6 : 17);
      return {
        bytes,
        use: (value) => use(made, value as Uint8Array),
        state: () => made.pktb_data(),
      };
    },
  };
}

const message = new NlmsgBuilder();
message.nfq_nlmsg_put(1, 0);
message.nfq_nlmsg_verdict_put(7, NF_ACCEPT);
const built = message.message();

const BUFFER_ENTRIES: ReadonlyMap<string, Entry> = new Map([
  [
    "PacketBuffer.pktb_alloc",
    buffer("udp", PACKETS.udp[1], (_, value) => {
      using made = PacketBuffer.pktb_alloc(AF_INET, value, 0);
      return made.pktb_data();
    }),
  ],
  [
    "PacketBuffer.pktb_mangle",
    buffer("udp", count(30), (made, value) => made.pktb_mangle(20, 8, 10, value)),
  ],
  [
    "PacketBuffer.nfq_ip_mangle",
    buffer("udp", count(30), (made, value) => made.nfq_ip_mangle(20, 8, 10, value)),
  ],
  [
    "PacketBuffer.nfq_ip6_mangle",
    buffer("udp6", count(30), (made, value) => made.nfq_ip6_mangle(40, 8, 10, value)),
  ],
  [
    "PacketBuffer.nfq_tcp_mangle_ipv4",
    buffer("tcp", count(30), (made, value) => made.nfq_tcp_mangle_ipv4(0, 10, value)),
  ],
  [
    "PacketBuffer.nfq_tcp_mangle_ipv6",
    buffer("tcp6", count(30), (made, value) => made.nfq_tcp_mangle_ipv6(0, 10, value)),
  ],
  [
    "PacketBuffer.nfq_udp_mangle_ipv4",
    buffer("udp", count(30), (made, value) => made.nfq_udp_mangle_ipv4(0, 10, value)),
  ],
  [
    "PacketBuffer.nfq_udp_mangle_ipv6",
    buffer("udp6", count(30), (made, value) => made.nfq_udp_mangle_ipv6(0, 10, value)),
  ],
  [
    "IpHeader.saddr",
    buffer("udp", count(4), (made, value) => {
      made.nfq_ip_get_hdr()!.saddr = value;
    }),
  ],
  [
    "IpHeader.daddr",
    buffer("udp", count(4), (made, value) => {
      made.nfq_ip_get_hdr()!.daddr = value;
    }),
  ],
  [
    "Ip6Header.ip6_src",
    buffer("udp6", count(16), (made, value) => {
      made.nfq_ip6_get_hdr()!.ip6_src = value;
    }),
  ],
  [
    "Ip6Header.ip6_dst",
    buffer("udp6", count(16), (made, value) => {
      made.nfq_ip6_get_hdr()!.ip6_dst = value;
    }),
  ],
  ["NlmsgBuilder.nfq_nlmsg_verdict_put_pkt", {
    open: () => {
      const builder = new NlmsgBuilder();
      builder.nfq_nlmsg_put(1, 0);
      return {
        bytes: payload,
        use: (value) => builder.nfq_nlmsg_verdict_put_pkt(value as Uint8Array),
        state: () => builder.message(),
      };
    },
  }],
  ["NlmsgBuilder.nfq_nlmsg_parse", {
    open: () => ({
      bytes: built,
      use: (value) => [...NlmsgBuilder.nfq_nlmsg_parse(value as Uint8Array)],
      state: () => 0,
    }),
  }],
]);

for (const [name, entry] of BUFFER_ENTRIES) {
  test(`bytes of every kind, ${name}`, limit, () => tryKinds(name, entry));
}

/** A queue of one's own with a receiver whose packets go through it. */
async function traffic() {
  using stack = new DisposableStack();
  const receiver = stack.use(await UdpSocket.open());
  const sender = stack.use(await UdpSocket.open());
  const handle = stack.use(NfqHandle.nfq_open());
  const ids: number[] = [];
  const packets: Uint8Array[] = [];
  const queue = handle.nfq_create_queue(nextQueue(), (_queue, _message, data) => {
    ids.push(data.nfq_get_msg_packet_hdr()!.packetId);
    packets.push(data.nfq_get_payload());
  });
  queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);
  stack.use(queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) }));
  const own = new Uint8Array(new ArrayBuffer(0x12000));
  /** One packet through the queue, and its id; nothing is decided yet. */
  const packet = async (text = "through the queue"): Promise<number> => {
    await sender.sendAll([text], receiver);
    const length = handle.receive(own, { timeout: 5000 });
    assert.ok(length !== undefined);
    assert.equal(handle.nfq_handle_packet(own, length), 0);
    return ids.at(-1)!;
  };
  return { handle, queue, receiver, sender, packet, packets, stack: stack.move() };
}

for (const call of ["nfq_set_verdict", "nfq_set_verdict2", "nfq_set_verdict_mark"] as const) {
  test(`bytes of every kind, NfqQueueHandle.${call}`, limit, async () => {
    const { queue, receiver, packet, packets, stack } = await traffic();
    using _stack = stack;
    const text = "y".repeat(41);
    for (const kind of KINDS) {
      const id = await packet();
      const replaced = withUdpText(packets.at(-1)!, text);
      const { value } = kind.make(replaced);
      const use = (): number =>
        call === "nfq_set_verdict"
          ? queue[call](id, NF_ACCEPT, value as Uint8Array)
          : queue[call](id, NF_ACCEPT, 0, value as Uint8Array);
      if (kind.expected === "works") {
        // What an earlier payload left in the memory that C reads must never leave. A message is 32 bytes, a mark 8, and the payload with its header padded.
        const mark = call === "nfq_set_verdict" ? 0 : 8;
        assert.equal(use(), 32 + mark + 4 + (replaced.length + 3 & ~3), kind.name);
        assert.deepEqual(await receiver.take(1), [text], kind.name);
      } else {
        assert.throws(use, TypeError, kind.name);
        // It still waits, and goes on as it came.
        queue.nfq_set_verdict(id, NF_ACCEPT);
        assert.deepEqual(await receiver.take(1), ["through the queue"], kind.name);
      }
    }
  });
}

for (const call of ["receive", "receiveAsync"] as const) {
  test(`bytes of every kind, NfqHandle.${call}`, limit, async () => {
    const { handle, queue, receiver, sender, stack } = await traffic();
    using _stack = stack;
    for (const kind of KINDS) {
      const guarded = new Uint8Array(1024).fill(0xa5);
      const given = kind.make(guarded);
      await sender.sendAll(["one"], receiver);
      const use = async (): Promise<number | undefined> =>
        await (call === "receive"
          ? handle.receive(given.value as Uint8Array, { timeout: 5000 })
          : handle.receiveAsync(given.value as Uint8Array));
      const works = kind.expected === "works" && kind.shared !== true;
      let length: number | undefined;
      const own = new Uint8Array(new ArrayBuffer(0x12000));
      if (works) {
        length = await use();
        assert.ok(length !== undefined && length > 28 && length < 1024, kind.name);
        own.set(given.content().subarray(0, length));
        const behind = given.content().subarray(length, 1024);
        assert.ok(behind.every((byte) => byte === 0xa5), `${kind.name}: written behind`);
      } else {
        await assert.rejects(use, TypeError, kind.name);
        // No packet is lost by it.
        length = handle.receive(own, { timeout: 5000 });
      }
      assert.equal(handle.nfq_handle_packet(own, length), 0, kind.name);
      queue.nfq_set_verdict_batch(0x7fffffff, NF_ACCEPT);
      assert.deepEqual(await receiver.take(1), ["one"], kind.name);
    }
  });
}

test(
  "a message longer than the memory of a buffer that says it is longer is refused",
  limit,
  async () => {
    const { handle, receiver, sender, stack } = await traffic();
    using _stack = stack;
    for (const call of ["receive", "receiveAsync"] as const) {
      const memory = new Uint8Array(new ArrayBuffer(4096)).fill(0xa5);
      const lying = new Uint8Array(memory.buffer, 1024, 256);
      Object.defineProperty(lying, "length", { value: 0x12000 });
      await sender.sendAll(["z".repeat(3000)], receiver);
      const use = async () => await handle[call](lying, {});
      await assert.rejects(use, { code: "EMSGSIZE" });
      assert.ok(memory.subarray(0, 1024).every((byte) => byte === 0xa5));
      assert.ok(memory.subarray(1280).every((byte) => byte === 0xa5), "written behind the buffer");
    }
  },
);

test(
  "a buffer that goes away while receiveAsync waits: TypeError, and no packet is lost",
  limit,
  async () => {
    const { handle, receiver, sender, packet, stack } = await traffic();
    using _stack = stack;
    const ways: Readonly<Record<string, (buffer: ArrayBuffer) => void>> = {
      transferred: (buffer) => void structuredClone(buffer, { transfer: [buffer] }),
      "resized away": (buffer) => buffer.resize(16),
    };
    for (const [name, away] of Object.entries(ways)) {
      const buffer = new ArrayBuffer(0x12000, { maxByteLength: 0x12000 });
      const reading = handle.receiveAsync(new Uint8Array(buffer, 64));
      reading.catch(() => {});
      away(buffer);
      await sender.sendAll([name], receiver);
      await assert.rejects(reading, /TypeError: buffer (is gone|must hold)/, name);
      const own = new Uint8Array(new ArrayBuffer(0x12000));
      assert.ok((handle.receive(own, { timeout: 5000 }) ?? 0) > 28, name);
    }
    await packet();
  },
);

test("bytes of every kind, NfqHandle.nfq_handle_packet", limit, async () => {
  const { handle, queue, stack } = await traffic();
  using _stack = stack;
  const bytes = encodePacketMessage({
    ...{ family: 2, queue: queue.number, sequence: 0, id: 1, hwProtocol: 0x800, hook: 3 },
    payload: count(60),
  });
  const entry: Entry = {
    open: () => ({
      bytes,
      use: (value) => handle.nfq_handle_packet(value as Uint8Array),
      state: () => 0,
    }),
  };
  await tryKinds("nfq_handle_packet", entry);
});

test("bytes of every kind, NfqHandle.send", limit, async () => {
  const { handle, queue, stack } = await traffic();
  using _stack = stack;
  const builder = new NlmsgBuilder();
  builder.nfq_nlmsg_put(2, queue.number);
  builder.nfq_nlmsg_cfg_put_qmaxlen(2000);
  const bytes = builder.message();
  for (const kind of KINDS) {
    await tryKind({
      open: () => ({ bytes, use: (value) => handle.send(value as Uint8Array), state: () => 0 }),
    }, kind);
  }
  const own = new Uint8Array(new ArrayBuffer(4096));
  assert.equal(handle.receive(own, { timeout: 0 }), undefined, "the kernel refused something");
});
