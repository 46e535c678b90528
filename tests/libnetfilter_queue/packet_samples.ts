/**
 * Random packets whose checksums are still to be computed.
 *
 * @module
 */

import fc from "fast-check";

/** What a packet is made of. */
export interface Sample {
  readonly version: 4 | 6;
  readonly protocol: 6 | 17;
  /** From the network header on. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where TCP or UDP begins. */
  readonly transport: number;
  /** Where its data begins. */
  readonly data: number;
}

const HOP_BY_HOP = 0;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION = 60;
/** The option that only takes room: its kind, then how many bytes follow. */
const PADN = 1;

/** One IPv6 extension header. */
interface Extension {
  readonly type: number;
  /** In bytes. */
  readonly length: number;
}

const extension: fc.Arbitrary<Extension> = fc.oneof(
  fc.record({
    type: fc.constantFrom(HOP_BY_HOP, DESTINATION, 43),
    length: fc.integer({ min: 1, max: 4 }).map((units) => units * 8),
  }),
  fc.constant({ type: FRAGMENT, length: 8 }),
  fc.record({
    type: fc.constant(AUTHENTICATION),
    length: fc.integer({ min: 3, max: 8 }).map((units) => units * 4),
  }),
);

/** Mostly short, sometimes up to what a length field can tell. */
const dataLength = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 200 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 65_000 }) },
);

interface Parts {
  readonly version: 4 | 6;
  readonly protocol: 6 | 17;
  readonly ipOptions: number;
  readonly tcpOptions: number;
  readonly extensions: readonly Extension[];
  readonly length: number;
  readonly seed: number;
}

const parts: fc.Arbitrary<Parts> = fc.record({
  version: fc.constantFrom<4 | 6>(4, 6),
  protocol: fc.constantFrom<6 | 17>(6, 17),
  ipOptions: fc.integer({ min: 0, max: 10 }),
  tcpOptions: fc.integer({ min: 0, max: 10 }),
  extensions: fc.array(extension, { maxLength: 4 }),
  length: dataLength,
  seed: fc.integer({ min: 1, max: 0x7fffffff }),
});

/** A whole IPv4 or IPv6 packet with TCP or UDP; everything that may be random is. */
export const sample: fc.Arbitrary<Sample> = parts.map(build);

function build(made: Parts): Sample {
  const { version, protocol, ipOptions, tcpOptions, length } = made;
  const chain = version === 6 ? made.extensions : [];
  const chainLength = chain.reduce((sum, { length }) => sum + length, 0);
  const transport = version === 4 ? 20 + 4 * ipOptions : 40 + chainLength;
  const data = transport + (protocol === 6 ? 20 + 4 * tcpOptions : 8);
  const bytes = randomBytes(data + length, made.seed);
  const view = new DataView(bytes.buffer);
  if (version === 4) {
    bytes[0] = 0x40 | (transport / 4);
    view.setUint16(2, bytes.length);
    view.setUint16(6, 0x4000);
    bytes[9] = protocol;
    // A source route sums up another destination, which the library does not know: no options count.
    if (transport > 20) bytes[20] = 0;
  } else {
    bytes[0] = 0x60;
    view.setUint16(4, bytes.length - 40);
    writeChain(bytes, chain, protocol);
  }
  if (protocol === 6) bytes[transport + 12] = (data - transport) / 4 << 4;
  else view.setUint16(transport + 4, bytes.length - transport);
  return { version, protocol, bytes, transport, data };
}

function writeChain(
  bytes: Uint8Array,
  chain: readonly Extension[],
  protocol: number,
): void {
  let at = 40;
  bytes[6] = chain[0]?.type ?? protocol;
  chain.forEach(({ type, length }, index) => {
    // No more stations and no home address: with those, other addresses are summed up than the
    // library knows.
    if (type === 43) bytes[at + 3] = 0;
    else if (type === HOP_BY_HOP || type === DESTINATION) bytes.set([PADN, length - 4], at + 2);
    bytes[at] = chain[index + 1]?.type ?? protocol;
    if (type === FRAGMENT) bytes.set([0, 0, 0], at + 1); // the first and the last
    else bytes[at + 1] = type === AUTHENTICATION ? length / 4 - 2 : length / 8 - 1;
    at += length;
  });
}

/** Many bytes from one number: fast-check's own arrays of this size are slow. */
export function randomBytes(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(length));
  let state = seed | 1;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state & 0xff;
  }
  return bytes;
}
