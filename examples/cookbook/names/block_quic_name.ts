// Refuses QUIC (HTTP/3) connections by the server name that they ask for. Browsers then take TCP.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";
import { QuicInitial } from "@nfqueue/nfqueue/identify";

const NAMES = new Set(["ads.example.net", "example.org"]);
const MOST_FLOWS = 4096;

/** Whether the name, or one above it, is listed. */
const isBlocked = (name = "") =>
  name.split(".").some((_, at, labels) => NAMES.has(labels.slice(at).join(".")));

const flows = new Map<string, QuicInitial | "blocked">();

export default defineFilter({
  rules: { hook: ["output", "forward"], protocol: "udp", destinationPort: 443 },
  options: { gso: false }, // each packet is one datagram
  packet(packet) {
    const { udp, flow } = packet;
    if (udp === undefined || flow === undefined) return Verdict.Accept;
    let state = flows.get(flow.key) ?? new QuicInitial();
    if (state !== "blocked") {
      const hello = state.add(udp.payload);
      flows.delete(flow.key);
      if (hello.status === "found" && isBlocked(hello.serverName)) state = "blocked";
      else if (hello.status !== "more") return Verdict.Accept;
      flows.set(flow.key, state);
      if (flows.size > MOST_FLOWS) flows.delete(flows.keys().next().value!);
    }
    if (state !== "blocked") return Verdict.Accept;
    packet.reject();
  },
});
