// Whether the checksums of a packet are right: computed anew in a copy, and compared.
import { PacketBytes } from "../structure/packet_bytes.ts";
import type { Layers } from "../layers.ts";
import { IPV4_OFFSET } from "../structure/ip_layouts.ts";
import { Outline } from "../structure/outline.ts";
import { checksumOffset } from "../structure/upper_layouts.ts";
import { finishHeader, finishUpper } from "../structure/sums.ts";

/** What a checksum should be; absent where that cannot be told from the bytes that are here. */
export interface RightChecksums {
  /** The IPv4 header's. */
  readonly header?: number;
  /** The transport layer's; absent for UDP without a checksum too. */
  readonly upper?: number;
}

/** Computes the checksums of a packet, which stays as it is. */
export function rightChecksums(layers: Layers): RightChecksums {
  // Not `slice()`: a Buffer's shares its memory.
  const copy = new PacketBytes(new Uint8Array(layers.bytes.subarray(layers.networkOffset)));
  const outline = new Outline(copy, layers.ethertype, 0);
  const header = outline.version === 4 && finishHeader(outline)
    ? copy.u16(IPV4_OFFSET.checksum)
    : undefined;
  const unsummed = layers.udp?.checksum === 0;
  const upper = !unsummed && finishUpper(outline)
    ? copy.u16(outline.upperOffset + checksumOffset(outline.protocol))
    : undefined;
  return { ...(header !== undefined && { header }), ...(upper !== undefined && { upper }) };
}
