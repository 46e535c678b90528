import type { Conntrack } from "../netlink/conntrack/entry.ts";

/** Of the connection of a packet. What is absent follows from the packet, or is not known. */
export interface TestConntrack
  extends Readonly<Partial<Omit<Conntrack, "flags" | "labels" | "sourceNat" | "destinationNat">>> {
  /** Numbers of the connection labels that are set, 0 to 127. */
  readonly labels?: readonly number[];
}
