// libipq over NFQUEUE: the packets that ip_queue carried whole, and of which NFQUEUE carries all but the
// last four bytes. None loses them unseen.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  IPQ_COPY_META,
  IPQ_COPY_PACKET,
  NF_ACCEPT,
  NF_DROP,
  NF_REPEAT,
} from "../../src/ipq/mod.ts";
import { type Form, forms, Traffic } from "../support/ipq/forms.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { ipHeaderLength, udpText, withUdpText } from "../support/traffic/packets.ts";

requireIsolation();

const timeout = 30_000;
/** What NFQUEUE carries. */
const most = 65_531;
const families = [4, 6] as const;
const headers = { 4: 28, 6: 48 } as const;

/** The text of a packet that is so long. */
function text(family: 4 | 6, length: number): string {
  return "0123456789abcdef".repeat(4096).slice(0, length - headers[family] - 3) + "end";
}

/** A queue, and the texts of packets that have so many bytes in it. */
async function queued(
  { form, family }: { readonly form: Form; readonly family: 4 | 6 },
  lengths: readonly number[],
): Promise<Traffic> {
  const traffic = await Traffic.open({ form, family });
  traffic.setMode(IPQ_COPY_PACKET);
  for (const length of lengths) await traffic.send(text(family, length));
  return traffic;
}

/** The verdict is refused: the packet is queued as before. */
function refused(traffic: Traffic, decide: () => number): void {
  assert.equal(decide(), -1);
  const { handle } = traffic;
  assert.deepEqual([handle.errno, handle.systemErrno], [12, 90]);
}

/** Another letter in the middle. */
function changed(payload: Uint8Array): Uint8Array {
  const data = payload.slice();
  data[1000] = "X".charCodeAt(0);
  return data;
}

for (const form of forms) {
  for (const family of families) {
    const title = `${form.name}, IPv${family}`;
    const lengths = [most, 65_532, 65_533, 65_534, 65_535];

    test(`65,532 to 65,535 bytes, given back unchanged, ${title}`, { timeout }, async () => {
      using traffic = await queued({ form, family }, []);
      // One by one: a socket's send buffer does not hold them all.
      for (const length of lengths) {
        await traffic.send(text(family, length));
        const packet = traffic.packet();
        assert.equal(packet.dataLength, most, `${length}`);
        assert.equal(traffic.decide(packet, NF_ACCEPT, packet.payload), 40 + most);
        assert.equal((await traffic.receiver.receive()).text, text(family, length));
      }
      traffic.quiet();
    });

    test(`65,535 bytes, changed: refused, and still queued, ${title}`, { timeout }, async () => {
      using traffic = await queued({ form, family }, [65_535, 65_535]);
      const packet = traffic.packet();
      const read = packet.payload.slice();
      const wholeText = text(family, 65_535);
      refused(traffic, () => traffic.decide(packet, NF_ACCEPT, changed(read)));
      // Lengths and checksums in order, but the last bytes are gone.
      refused(
        traffic,
        () => traffic.decide(packet, NF_ACCEPT, withUdpText(read, wholeText.slice(0, -4))),
      );
      // Shorter, but still said to be longer than it is.
      refused(traffic, () => traffic.decide(packet, NF_ACCEPT, read.slice(0, 1000)));
      assert.equal(traffic.decide(packet, NF_REPEAT, read), 40 + most);
      // It came once more, behind the other one.
      const next = traffic.packet();
      assert.equal(traffic.decide(next, NF_DROP, changed(read)), 40 + most);
      const again = traffic.packet();
      refused(traffic, () => traffic.decide(again, NF_ACCEPT, changed(read)));
      assert.equal(traffic.decide(again, NF_ACCEPT), 40);
      assert.equal((await traffic.receiver.receive()).text, wholeText);
      traffic.quiet();
      assert.deepEqual(traffic.receiver.pending, []);
    });

    test(`65,535 bytes, replaced by a whole packet, ${title}`, { timeout }, async () => {
      using traffic = await queued({ form, family }, [65_535]);
      const packet = traffic.packet();
      const data = withUdpText(packet.payload, "short");
      assert.equal(traffic.decide(packet, NF_ACCEPT, data), 40 + data.length);
      assert.deepEqual(await traffic.receiver.take(1), ["short"]);
    });

    test(`65,531 bytes can be changed, ${title}`, { timeout }, async () => {
      using traffic = await queued({ form, family }, [most]);
      const packet = traffic.packet();
      const wanted = `X${udpText(packet.payload).slice(1)}`;
      const data = withUdpText(packet.payload, wanted);
      assert.equal(traffic.decide(packet, NF_ACCEPT, data), 40 + most);
      assert.equal((await traffic.receiver.receive()).text, wanted);
    });

    test(`a range below: what was asked for, ${title}`, { timeout }, async () => {
      using traffic = await Traffic.open({ form, family });
      traffic.setMode(IPQ_COPY_PACKET, 100);
      await traffic.send(text(family, 65_535), text(family, 65_535));
      // As in ip_queue a replacement is what there is, whatever it says of itself.
      const packet = traffic.packet();
      const data = withUdpText(packet.payload, "short");
      assert.equal(traffic.decide(packet, NF_ACCEPT, data), 40 + data.length);
      assert.deepEqual(await traffic.receiver.take(1), ["short"]);
      traffic.setMode(IPQ_COPY_META);
      traffic.decide(traffic.packet(), NF_ACCEPT);
      assert.equal((await traffic.receiver.receive()).text, text(family, 65_535));
    });
  }

  test(`a replacement of 65,532 to 65,535 bytes is refused, ${form.name}`, {
    timeout,
  }, async () => {
    using traffic = await Traffic.open({ form });
    traffic.setMode(IPQ_COPY_PACKET);
    await traffic.send("still queued", "dropped", "next");
    const packet = traffic.packet();
    for (let length = most + 1; length <= 65_535; length++) {
      const data = new Uint8Array(length);
      data.set(packet.payload.subarray(0, ipHeaderLength(packet.payload)));
      new DataView(data.buffer).setUint16(2, length);
      refused(traffic, () => traffic.decide(packet, NF_ACCEPT, data));
    }
    assert.equal(traffic.decide(packet, NF_ACCEPT), 40);
    const dropped = traffic.packet();
    assert.equal(traffic.decide(dropped, NF_DROP, new Uint8Array(65_535)), 40 + 65_535);
    traffic.decide(traffic.packet(), NF_ACCEPT);
    assert.deepEqual(await traffic.receiver.take(2), ["still queued", "next"]);
    traffic.quiet();
  });
}

test("the error says what can be done", { timeout }, async () => {
  using traffic = await queued({ form: forms[1]!, family: 4 }, [65_535]);
  const packet = traffic.packet();
  assert.throws(
    () => traffic.handle.setVerdict(packet.packetId, NF_ACCEPT, new Uint8Array(65_535)),
    {
      name: "IpqError",
      message:
        "Failed to send netlink message: Message too long. NFQUEUE carries at most 65531 bytes " +
        "of a packet: one that is longer can pass as it is (a verdict without data), or be replaced " +
        "by a whole one that is shorter",
    },
  );
});
