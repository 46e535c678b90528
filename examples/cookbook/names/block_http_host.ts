// Answers plain HTTP requests for some hosts with a reset. A name stands for those below it.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";
import { httpRequest } from "@nfqueue/nfqueue/identify";

const NAMES = new Set(["ads.example.net", "example.org"]);

/** Whether the name, or one above it, is listed. */
const isBlocked = (name = "") =>
  name.split(".").some((_, at, labels) => NAMES.has(labels.slice(at).join(".")));

export default defineFilter({
  rules: { hook: ["output", "forward"], protocol: "tcp", destinationPort: [80, 8080] },
  packet(packet) {
    const { ip, tcp } = packet;
    if (!tcp?.payload.length) return Verdict.Accept;
    const request = httpRequest(tcp.payload);
    if (request.status !== "found" || !isBlocked(request.host)) return Verdict.Accept;
    console.log(`reset  ${ip?.source} ${request.method} ${JSON.stringify(request.host)}`);
    packet.reset();
  },
});
