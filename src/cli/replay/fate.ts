// What became of a packet now, and what became of it when it was recorded.
import type { CapturedVerdict } from "../../capture/mod.ts";
import { Layers } from "../../packet/layers.ts";
import { ETHERTYPE } from "../../packet/structure/protocols.ts";
import { PacketBytes } from "../../packet/structure/packet_bytes.ts";
import { summary } from "../../packet/text/summary.ts";
import { verdictOf } from "../run/recording.ts";
import type { Played } from "./player.ts";

/** A fate that can be compared. */
export interface Fate extends CapturedVerdict {
  /** The bytes that go on. */
  readonly bytes: Uint8Array;
  readonly changed: boolean;
}

/** What the filter has made of it; undefined where it made nothing. */
export function fateOf({ packet, decision }: Played): Fate | undefined {
  if (decision === undefined) return undefined;
  const { verdict, mark, payload = packet.payload } = decision;
  return {
    ...verdictOf({ verdict, mark }),
    bytes: payload,
    changed: differAt(payload, packet) >= 0,
  };
}

/** What the recording tells; undefined where it tells nothing. */
export function recordedFate(
  { packet }: Played,
  changes: ReadonlyMap<number, Uint8Array>,
): Fate | undefined {
  const { verdict, id } = packet.record;
  if (verdict === undefined) return undefined;
  const bytes = (id === undefined ? undefined : changes.get(id)) ?? packet.payload;
  return { ...verdict, bytes, changed: differAt(bytes, packet) >= 0 };
}

/** The first byte that differs; -1 where none does. */
function differAt(bytes: Uint8Array, { payload }: { readonly payload: Uint8Array }): number {
  if (bytes === payload) return -1;
  const at = bytes.findIndex((byte, index) => byte !== payload[index]);
  return at < 0 && bytes.length < payload.length ? bytes.length : at;
}

/** In what two fates differ, in words; empty where they agree. */
export function differences(now: Fate | undefined, recorded: Fate): string[] {
  if (now === undefined) return [`no verdict, recorded ${recorded.verdict}`];
  const found: string[] = [];
  if (now.verdict !== recorded.verdict) found.push(`${now.verdict}, recorded ${recorded.verdict}`);
  if (now.mark !== recorded.mark) {
    found.push(`mark ${markText(now.mark)}, recorded ${markText(recorded.mark)}`);
  }
  if (now.changed && !recorded.changed) found.push("changed, recorded as it came");
  else if (!now.changed && recorded.changed) found.push("as it came, recorded changed");
  else {
    const at = differAt(now.bytes, { payload: recorded.bytes });
    if (at >= 0) found.push(`changed otherwise than recorded, from byte ${at} on`);
  }
  return found;
}

/** A mark in words. */
export function markText(mark: number | undefined): string {
  return mark === undefined ? "none" : `0x${mark.toString(16)}`;
}

/** A packet in a line, as `String(packet)` gives it. */
export function packetText(bytes: Uint8Array, length: number): string {
  const etherType = bytes[0]! >> 4 === 6 ? ETHERTYPE.IPV6 : ETHERTYPE.IPV4;
  return summary(new Layers(new PacketBytes(bytes), etherType, 0), { length });
}
