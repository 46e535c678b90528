/**
 * Names of network interfaces.
 *
 * @module
 */

import { libc } from "./libc.ts";
import { textOf } from "./memory.ts";

/** A network interface as a packet names it. */
export interface Device {
  /** Interface index, 1 or more. */
  readonly index: number;
  /** Its name now; empty where the interface is gone. */
  readonly name: string;
}

const IF_NAMESIZE = 16;
/** Interfaces may be renamed, so a name is trusted this long (ms). */
const FRESH = 1000;
const MOST = 1024;

const buffer = new Uint8Array(new ArrayBuffer(IF_NAMESIZE));
const known = new Map<number, { device: Device; until: number }>();

/** The interface with this index, undefined for 0. */
export function deviceOf(index: number): Device | undefined {
  if (index === 0) return undefined;
  const now = performance.now();
  const entry = known.get(index);
  if (entry !== undefined && entry.until > now) return entry.device;
  const name = libc().if_indextoname(index, buffer) === null ? "" : textOf(buffer);
  const device = { index, name };
  if (known.size >= MOST) known.clear();
  known.set(index, { device, until: now + FRESH });
  return device;
}
