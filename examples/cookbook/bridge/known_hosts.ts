// Lets only known hardware addresses pass a bridge: a firewall without an address of its own.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const HOSTS = ["02:00:00:00:00:01", "02:00:00:00:00:02"];

export default defineFilter({
  rules: { hook: "forward", family: "bridge" },
  options: { copyRange: 64 },
  packet(packet) {
    const { ethernet } = packet;
    if (ethernet && HOSTS.includes(ethernet.source)) return Verdict.Accept;
    console.log(`drop  ${ethernet?.source} at ${packet.physicalInDevice?.name}: ${packet}`);
    return Verdict.Drop;
  },
});
