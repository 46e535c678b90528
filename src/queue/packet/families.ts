/**
 * The protocol families of packets.
 *
 * @module
 */

/** NFPROTO_* of linux/netfilter.h. */
export const FAMILIES = { unspecified: 0, ipv4: 2, bridge: 7, ipv6: 10 } as const;

/** Protocol families of packets (linux/netfilter.h, NFPROTO_*). */
export type Family = keyof typeof FAMILIES;

const NAMES: readonly (Family | undefined)[] = Object.entries(FAMILIES)
  .reduce<Family[]>((names, [name, number]) => {
    names[number] = name as Family;
    return names;
  }, []);

/** What a number stands for. */
export function familyName(number: number): Family {
  return NAMES[number] ?? "unspecified";
}
