// Joins VLAN 5 on one side of a bridge with VLAN 7 on the other, and lets voice go first.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const OTHER = new Map([[5, 7], [7, 5]]);
const VOICE = 46; // DSCP

export default defineFilter({
  rules: { hook: "forward", family: "bridge" },
  options: { copyRange: 64 }, // the tag is no part of the packet's bytes
  packet(packet) {
    const { vlan, ip } = packet;
    const id = OTHER.get(vlan?.id ?? 0);
    if (id === undefined) return Verdict.Accept;
    packet.accept({ vlan: { id, priority: ip?.dscp === VOICE ? 5 : vlan?.priority } });
  },
});
