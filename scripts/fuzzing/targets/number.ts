/** Checksums against sums that are added up word by word, and addresses as text. */
import {
  checksumAdd,
  checksumUpdate,
  finishChecksums,
  formatIpv4,
  formatIpv6,
  formatMac,
  internetChecksum,
  parseIpv4,
  parseIpv6,
  parseMac,
} from "../../../src/packet/mod.ts";
import { IP_PACKETS, LONG_PACKETS } from "../corpus.ts";
import { digestBytes } from "../digest.ts";
import { DOCUMENTED } from "../errors.ts";
import { insist, NOTHING, requireDocumented, type Target } from "../target.ts";

/** RFC 1071 as it is written there. */
function plainSum(bytes: Uint8Array, start: number, end: number, initial: number): number {
  let sum = initial;
  while (sum > 0xffffffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  for (let at = start; at < end; at += 2) {
    sum += (bytes[at]! << 8) | (at + 1 < end ? bytes[at + 1]! : 0);
    sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

/** Ends that are none, and sums. */
const ENDS = [0, 1, -1, 0.5, NaN, Infinity, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -Infinity];

const checksum: Target = {
  ...{ name: "checksum", errors: DOCUMENTED.checksum, block: 1000, writes: true },
  corpus: IP_PACKETS,
  long: LONG_PACKETS,
  operations: ["start", "end", "initial"].flatMap((which) => ENDS.map((end) => `${which}=${end}`)),
  choose: (random) => random.once(4) ? [random.below(3 * ENDS.length)] : [],
  run: (bytes, [choice]) => {
    const { length } = bytes;
    const words = [0, length, 0];
    if (choice !== undefined) words[Math.floor(choice / ENDS.length)] = ENDS[choice % ENDS.length]!;
    const [start = 0, end = 0, initial = 0] = words;
    let sum: number;
    try {
      sum = checksumAdd(bytes, start, end, initial);
    } catch (error) {
      requireDocumented(DOCUMENTED.checksum, error);
      return 0;
    }
    if ([start, end, initial].every(Number.isInteger)) {
      const plain = plainSum(bytes, start, end, initial);
      insist(sum === plain, "checksum", () => `sum ${sum}, word by word ${plain}`);
    }
    if (length >= 4) {
      const before = internetChecksum(bytes, 2);
      const [high = 0, low = 0] = [bytes[2], bytes[3]];
      const old = (high << 8) | low;
      const updated = checksumUpdate(before, old, 0x1234);
      bytes[2] = 0x12;
      bytes[3] = 0x34;
      const whole = internetChecksum(bytes, 2);
      insist(updated === whole, "checksum", () => `updated ${updated}, computed ${whole}`);
      bytes[2] = high;
      bytes[3] = low;
    }
    const once = digestBytes(finishChecksums(bytes));
    const twice = digestBytes(finishChecksums(bytes));
    insist(once === twice, "checksum", () => "computed twice it is another");
    return once ^ sum;
  },
};

const TEXTS = [
  ...["10.0.0.1", "255.255.255.255", "0.0.0.0", "2001:db8::1", "::", "::ffff:1.2.3.4"],
  ...["1:2:3:4:5:6:7:8", "fe80::1:0:0:2", "1:2:3:4:5:6:1.2.3.4", "0a:1b:2c:3d:4e:5f"],
  ...["0A-1B-2C-3D-4E-5F", "1::2:3:4:5:6:7"],
].map((text) => new TextEncoder().encode(text));

/** What is read as text, and written as text, is read as the same again. */
function back<Address>(
  text: string,
  parse: (text: string) => Address,
  format: (address: Address) => string,
): number {
  let address: Address;
  try {
    address = parse(text);
  } catch (error) {
    requireDocumented(DOCUMENTED.address, error);
    return 0;
  }
  const again = format(parse(format(address)));
  insist(again === format(address), "text", () => `${text} becomes ${again}`);
  return again.length;
}

const address: Target = {
  ...{ name: "address", errors: DOCUMENTED.address, block: 1000, corpus: TEXTS, ...NOTHING },
  run: (bytes) => {
    let text = "";
    for (const byte of bytes.subarray(0, 64)) text += String.fromCharCode(byte);
    const digest = back(text, parseIpv4, formatIpv4) + back(text, parseIpv6, formatIpv6) +
      back(text, parseMac, formatMac);
    if (bytes.length < 16) return digest;
    const wide = formatIpv6(bytes);
    const same = digestBytes(parseIpv6(wide)) === digestBytes(bytes.subarray(0, 16));
    insist(same, "text", () => `${wide} is another address`);
    return digest + wide.length;
  },
};

export const NUMBER_TARGETS: readonly Target[] = [checksum, address];
