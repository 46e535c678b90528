/**
 * The protocol families of packets.
 *
 * @module
 */

/** Protocol families of packets (linux/netfilter.h, NFPROTO_*). */
export type Family = "unspecified" | "ipv4" | "bridge" | "ipv6";

/** NFPROTO_* of linux/netfilter.h. */
export const FAMILIES = { unspecified: 0, ipv4: 2, bridge: 7, ipv6: 10 } as const satisfies Record<
  Family,
  number
>;

const NAMES: readonly (Family | undefined)[] = Object.entries(FAMILIES)
  .reduce<Family[]>((names, [name, number]) => {
    names[number] = name as Family;
    return names;
  }, []);

/** What a number stands for. */
export function familyName(number: number): Family {
  return NAMES[number] ?? "unspecified";
}
