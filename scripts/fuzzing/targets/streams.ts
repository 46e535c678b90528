/**
 * A TCP packet of any bytes in the midst of connections that are followed and rewritten: nothing is thrown,
 * what goes on is a packet, a number has one byte only, and nothing stays behind.
 */
import { ACCEPT, type StreamPacket } from "../../../src/streams/packet.ts";
import { Segment } from "../../../src/streams/tcp/segment.ts";
import { HOLD, TcpStreams } from "../../../src/streams/mod.ts";
import { encode, type End, FLAG } from "../../../tests/support/tcp/segment.ts";
import { digestOf } from "../digest.ts";
import { insist, NOTHING, type Target } from "../target.ts";

const NUMBERS = { client: 0xffff_fff0, server: 0x7fff_fff8 } as const;
const NO_DATA = new Uint8Array(0);
const TEXT = Uint8Array.from({ length: 40 }, (_, at) => 97 + at % 26);
const MOST_BYTES = 65_536;

function endsOf(version: 4 | 6): readonly [client: End, server: End] {
  const address = (last: number): number[] =>
    version === 4 ? [192, 0, 2, last] : [0x20, 1, 0xd, 0xb8, ...Array<number>(11).fill(0), last];
  return [{ address: address(1), port: 40_000 }, { address: address(2), port: 80 }];
}

/** A packet of one of the ends, so many bytes behind its SYN. */
function packetOf(
  version: 4 | 6,
  { server = false, at = 1, seen = 1, flags = FLAG.ACK, data = NO_DATA, ...options }: {
    readonly server?: boolean;
    readonly at?: number;
    readonly seen?: number;
    readonly flags?: number;
    readonly data?: Uint8Array;
    readonly segmentSize?: number;
    readonly scale?: number;
    readonly sackPermitted?: boolean;
    readonly blocks?: readonly (readonly [number, number])[];
  },
): Uint8Array {
  const [client, other] = endsOf(version);
  const [own, theirs] = server
    ? [NUMBERS.server, NUMBERS.client]
    : [NUMBERS.client, NUMBERS.server];
  const acknowledgment = (flags & FLAG.ACK) === 0 ? 0 : (theirs + seen) >>> 0;
  return encode(
    { sequence: (own + at) >>> 0, acknowledgment, flags, window: 0x2000, data, ...options },
    server ? other : client,
    server ? client : other,
  );
}

const OFFER = { segmentSize: 1460, scale: 2, sackPermitted: true } as const;
const begins = (version: 4 | 6) => [
  packetOf(version, { at: 0, flags: FLAG.SYN, ...OFFER }),
  packetOf(version, { server: true, at: 0, flags: FLAG.SYN | FLAG.ACK, ...OFFER }),
  packetOf(version, {}),
];
/** The client's bytes go on doubled, so that 40 become 80. */
const goesOn = (version: 4 | 6) => [
  packetOf(version, { data: TEXT }),
  packetOf(version, { server: true, seen: 41, data: TEXT }),
  packetOf(version, { at: 81, seen: 41, data: TEXT }),
  packetOf(version, { server: true, at: 41, seen: 81, blocks: [[1, 9]] }),
  packetOf(version, { at: 41, seen: 41, data: TEXT, flags: FLAG.ACK | FLAG.PSH | FLAG.URG }),
];
const ends = (version: 4 | 6) => [
  packetOf(version, { at: 121, seen: 41, flags: FLAG.ACK | FLAG.FIN }),
  packetOf(version, { server: true, at: 41, seen: 242, flags: FLAG.ACK | FLAG.FIN }),
  packetOf(version, { at: 122, seen: 42, flags: FLAG.ACK }),
  packetOf(version, { at: 122, seen: 42, flags: FLAG.RST | FLAG.ACK }),
];

/** A packet that is in nobody's queue. */
class LoosePacket implements StreamPacket {
  readonly payload: Uint8Array;
  readonly truncated = false;
  // Else a changed packet would mostly be one with a wrong checksum, which goes on unseen.
  readonly checksumNotReady = true;
  readonly gso = false;
  readonly #out: Uint8Array[];
  #replaced: Uint8Array | undefined;

  constructor(payload: Uint8Array, out: Uint8Array[]) {
    this.payload = payload;
    this.#out = out;
  }

  replacePayload(bytes: Uint8Array): void {
    this.#replaced = bytes.slice();
  }

  send(bytes: Uint8Array): void {
    this.#out.push(bytes.slice());
  }

  /** Takes a verdict. */
  end(verdict: 0 | 1): void {
    if (verdict === ACCEPT && this.#replaced !== undefined) this.#out.push(this.#replaced);
  }
}

const segment = new Segment();

const streams: Target = {
  ...{ name: "tcpStreams", errors: [], block: 50, ...NOTHING },
  corpus: ([4, 6] as const).flatMap((version) => [
    ...[...begins(version), ...goesOn(version), ...ends(version)],
  ]),
  run: (bytes) => {
    const version = bytes.length > 0 && bytes[0]! >> 4 === 6 ? 6 : 4;
    const out: Uint8Array[] = [];
    const followed = new TcpStreams({
      limits: { bytes: MOST_BYTES, connectionBytes: 4096, connections: 4 },
      hold: { milliseconds: 3_600_000 },
      pickUp: bytes.length % 2 === 0 ? "follow" : "ignore",
      connection: () => ({
        fromClient: (data) =>
          Uint8Array.from({ length: 2 * data.length }, (_, at) => data[at >> 1]!),
        fromServer: (data, { ended }) => data.length < 20 && !ended ? HOLD : undefined,
      }),
    });
    const row = [begins(version), goesOn(version), ends(version)]
      .flatMap((part) => [bytes, ...part, bytes]);
    for (const one of row) {
      const packet = new LoosePacket(one, out);
      packet.end(followed.handler(packet));
      const { bytes: taken } = followed.statistics;
      insist(taken <= 2 * MOST_BYTES, "memory", () => `${taken} bytes are taken`);
    }
    followed.close();
    for (const one of out) {
      const packet = new LoosePacket(one, []);
      insist(segment.read(packet) && !segment.cut, "broken packet", () => `${one}`);
    }
    const { bytes: left, connections } = followed.statistics;
    insist(left + connections === 0, "rest", () => `${left} bytes, ${connections} connections`);
    return digestOf(out);
  },
};

export const STREAM_TARGETS: readonly Target[] = [streams];
