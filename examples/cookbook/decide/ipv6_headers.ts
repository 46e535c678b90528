// Drops IPv6 packets with extension headers that no honest sender needs: source routes (RFC 5095),
// fragments that are none (RFC 6946), and more than one header of options.
import { defineFilter, type Ipv6View, Verdict } from "@nfqueue/nfqueue";

function isStrange({ routing, fragment, extensions }: Ipv6View): boolean {
  const isSourceRoute = routing?.type === 0;
  const isAtomic = fragment !== undefined && fragment.offset === 0 && !fragment.moreFragments;
  return isSourceRoute || isAtomic || extensions.length > 2;
}

export default defineFilter({
  // Before the kernel puts fragments together, at -400.
  rules: { hook: "prerouting", family: "ipv6", priority: -450 },
  packet(packet) {
    const { ipv6 } = packet;
    if (ipv6 === undefined || !isStrange(ipv6)) return Verdict.Accept;
    console.log(`drop  ${packet}`);
    return Verdict.Drop;
  },
});
