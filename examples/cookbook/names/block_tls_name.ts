// Resets TLS connections by the server name that they ask for (SNI). A name stands for those below it.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";
import { clientHello } from "@nfqueue/nfqueue/identify";

const NAMES = new Set(["ads.example.net", "example.org"]);

/** Whether the name, or one above it, is listed. */
const isBlocked = (name = "") =>
  name.split(".").some((_, at, labels) => NAMES.has(labels.slice(at).join(".")));

export default defineFilter({
  rules: { hook: ["output", "forward"], protocol: "tcp", destinationPort: 443, firstPackets: 8 },
  packet(packet) {
    const { tcp } = packet;
    if (tcp === undefined) return Verdict.Accept;
    const hello = clientHello(tcp.payload);
    if (hello.status !== "found" || !isBlocked(hello.serverName)) return Verdict.Accept;
    packet.reset(); // both ends hear of it
  },
});
