// Packet buffers come and go, freed or forgotten, under forced garbage collection: nothing grows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AF_INET, PacketBuffer } from "../../src/libnetfilter_queue/mod.ts";
import { Child, collectGarbage } from "../support/runtime/child.ts";
import { randomBytes } from "./packet_samples.ts";

const script = new URL("./fixtures/packet_buffer_cycles.ts", import.meta.url);

/** Each buffer has 1.6 KB: what one cycle in twenty would leave is noticed. */
async function growth(way: string, cycles: number): Promise<number> {
  await using child = new Child(script, { parameters: [way, cycles] });
  const { code } = await child.end(100_000);
  assert.equal(code, 0, child.errors);
  return Number(/^grew by (-?\d+)$/m.exec(child.output)?.[1]);
}

for (
  const [way, cycles] of [["freed", 300_000], ["forgotten", 100_000], ["built", 100_000]] as const
) {
  test(`${cycles} buffers, ${way}: the process does not grow`, { timeout: 110_000 }, async () => {
    const bytes = await growth(way, cycles);
    assert.ok(bytes < cycles * 80, `grew by ${bytes} bytes`);
  });
}

test("a header keeps its buffer; a buffer in use survives collections", {
  timeout: 20_000,
}, async () => {
  const packet = randomBytes(40, 3);
  packet.set([0x45, 0, 0, 40]);
  const headers = Array.from({ length: 100 }, () => {
    const buffer = PacketBuffer.pktb_alloc(AF_INET, packet, 0);
    return buffer.nfq_ip_get_hdr()!;
  });
  for (let round = 0; round < 3; round++) {
    await collectGarbage();
    for (let count = 0; count < 200; count++) {
      PacketBuffer.pktb_alloc(AF_INET, randomBytes(40, count), 0).pktb_free();
    }
  }
  for (const header of headers) {
    assert.equal(header.tot_len, 40);
    assert.deepEqual(header.bytes(), packet.slice(0, 20));
  }
});
