// A packet laid out for people, layer by layer.
import { describeProblem } from "../../base/errors.ts";
import { EthernetLayers } from "../ethernet_layers.ts";
import { hexDump, hexNumber } from "../../base/hex.ts";
import { fieldLines, type Line, section } from "./inspect_values.ts";
import { FIELDS } from "../headers.ts";
import { innermostPayload, type Layers } from "../layers.ts";
import { checkObject } from "../../base/objects.ts";
import { checkInteger } from "../../base/checks.ts";
import { summary, type SummaryOptions } from "./summary.ts";
import { rightChecksums } from "./verify.ts";

const DEFAULT_BYTES = 256;

/** Fields that others of the same header say again, in words or one by one. */
const SAID_ELSEWHERE: ReadonlySet<string> = new Set([
  ...["version", "typeName", "fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"],
  ...["mss", "windowScale", "sackPermitted", "sack", "timestamps"],
]);

/** Options of {@link inspect}. */
export interface InspectOptions extends SummaryOptions {
  /** Bytes of the innermost payload that are shown, 0 to Infinity. Default 256. */
  readonly maxBytes?: number;
  /** The transport checksum is still to be computed, so it is not judged. Default false. */
  readonly checksumNotReady?: boolean;
}

/**
 * A packet laid out for people, on many lines: {@link summary}'s line, each header with its fields
 * under the names that the views have, options decoded, checksums judged where all that they cover
 * is here, and what follows the innermost header in hex.
 *
 * @throws {PacketReleasedError} when the bytes were released.
 * @throws {TypeError | RangeError} when `maxBytes` is no number of bytes.
 * @example
 * ```ts
 * import { buildPacket, inspect, parseLayers } from "@nfqueue/nfqueue/packet";
 *
 * const bytes = buildPacket({ ipv4: {}, udp: { destinationPort: 53 } });
 * console.log(inspect(parseLayers(bytes)));
 * ```
 */
export function inspect(packet: Layers | EthernetLayers, options: InspectOptions = {}): string {
  checkObject("packet", packet);
  checkObject("options", options);
  const { maxBytes = DEFAULT_BYTES } = options;
  if (maxBytes !== Infinity) checkInteger("maxBytes", maxBytes, 0, Number.MAX_SAFE_INTEGER);
  const lines = [summary(packet, options)];
  let inner: Layers | undefined;
  if (packet instanceof EthernetLayers) {
    const { ethernet, vlans, layers } = packet;
    if (ethernet !== undefined) {
      lines.push(...section("ethernet", linesOf(ethernet, FIELDS.ethernet)));
    }
    for (const vlan of vlans) lines.push(...section("vlan", linesOf(vlan, FIELDS.vlan)));
    inner = layers;
  } else inner = packet;
  if (inner !== undefined) lines.push(...headerLines(inner, options));
  if (packet.malformed !== undefined) {
    lines.push(`malformed: ${describeProblem(packet.malformed)}`);
  }
  if (inner !== undefined) lines.push(...payloadLines(innermostPayload(inner), maxBytes));
  return lines.join("\n");
}

function headerLines(layers: Layers, { checksumNotReady = false }: InspectOptions): string[] {
  const { arp, ipv4, ipv6, tcp, udp, icmp, icmpv6 } = layers;
  const right = rightChecksums(layers);
  const upper = checksumNotReady ? "not computed yet" : right.upper;
  const lines: string[] = [];
  if (arp !== undefined) lines.push(...section("arp", linesOf(arp, FIELDS.arp)));
  if (ipv4 !== undefined) {
    lines.push(...section("ipv4", linesOf(ipv4, FIELDS.ipv4, right.header)));
  }
  if (ipv6 !== undefined) lines.push(...section("ipv6", linesOf(ipv6, FIELDS.ipv6)));
  if (tcp !== undefined) lines.push(...section("tcp", linesOf(tcp, FIELDS.tcp, upper)));
  if (udp !== undefined) {
    const none = udp.checksum === 0 && !checksumNotReady;
    lines.push(...section("udp", linesOf(udp, FIELDS.udp, none ? "none" : upper)));
  }
  if (icmp !== undefined) {
    lines.push(...section(`icmp, ${icmp.typeName}`, linesOf(icmp, FIELDS.icmp, upper)));
  }
  if (icmpv6 !== undefined) {
    lines.push(...section(`icmpv6, ${icmpv6.typeName}`, linesOf(icmpv6, FIELDS.icmpv6, upper)));
  }
  return lines;
}

/** @param right what the checksum should be, or what is to be said of it. */
function linesOf<View extends object>(
  view: View,
  names: readonly (keyof View & string)[],
  right?: number | string,
): Line[] {
  const lines: Line[] = [];
  for (const name of names) {
    const value: unknown = SAID_ELSEWHERE.has(name) ? undefined : view[name];
    if (value === undefined) continue;
    if (name === "checksum") lines.push([name, judge(value as number, right)]);
    else lines.push(...fieldLines(name, value));
  }
  return lines;
}

function judge(checksum: number, right: number | string | undefined): string {
  const text = hexNumber(checksum, 4);
  if (right === undefined) return text;
  if (typeof right === "string") return `${text} (${right})`;
  // Ones' complement has two zeros, and both are right.
  if (checksum % 0xffff === right % 0xffff) return `${text} (right)`;
  return `${text} (wrong: ${hexNumber(right, 4)} expected)`;
}

function payloadLines(payload: Uint8Array, maxBytes: number): string[] {
  if (payload.length === 0) return [];
  const dump = hexDump(payload.subarray(0, maxBytes)).map((line) => `  ${line}`);
  const left = payload.length - maxBytes;
  if (left > 0) dump.push(`  … ${left} more`);
  return [`payload, ${payload.length} bytes`, ...dump];
}
