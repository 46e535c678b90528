/** Fragments of any bytes: each packet is decided once, what is handed over is whole, and nothing stays behind. */
import { readFragment } from "../../../src/streams/datagrams/fragment.ts";
import { Datagrams } from "../../../src/streams/mod.ts";
import { fragmentsOf, hand, MadePacket, udpPacket } from "../../../tests/streams/datagrams/made.ts";
import { digestOf } from "../digest.ts";
import { insist, NOTHING, type Target } from "../target.ts";

const PARTS = ([4, 6] as const).flatMap((version) =>
  fragmentsOf(udpPacket(version, 100), [16, 64])
);

const datagrams: Target = {
  ...{ name: "datagrams", errors: [], block: 200, ...NOTHING },
  corpus: PARTS,
  run: (bytes) => {
    const wholes: Uint8Array[] = [];
    const collected = new Datagrams<MadePacket>({
      datagram: ({ bytes, fragments, udp, layers }) => {
        if (fragments === 1) return 1;
        wholes.push(bytes.slice());
        insist(readFragment(bytes) === "whole", "whole", () => `${bytes}`);
        insist(layers.ip !== undefined, "whole", () => `${bytes}`);
        // Longer, so that it is cut anew.
        if (udp !== undefined && layers.malformed === undefined) udp.payload = new Uint8Array(300);
        return 1;
      },
    });
    const packets = [bytes, ...PARTS, bytes].map((one) => hand(collected, new MadePacket(one)));
    collected.close();
    const undecided = packets.filter(({ method }) => method === undefined).length;
    insist(undecided === 0, "decision", () => `${undecided} packets have none`);
    const { waitingBytes, waitingFragments } = collected.statistics;
    insist(waitingBytes + waitingFragments === 0, "rest", () => `${waitingBytes} bytes wait`);
    return digestOf({ methods: packets.map(({ method }) => method), wholes });
  },
};

export const DATAGRAM_TARGETS: readonly Target[] = [datagrams];
