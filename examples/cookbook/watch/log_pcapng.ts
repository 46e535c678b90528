// Drops connections to some ports, and records what was dropped: open dropped.pcapng in Wireshark.
import { closeSync, openSync, writeSync } from "node:fs";
import { defineFilter, Verdict } from "@nfqueue/nfqueue";
import { PcapngWriter, recordOf } from "@nfqueue/nfqueue/capture";

const FILE = "dropped.pcapng";
const MOST_BYTES = 100_000_000;

const writer = new PcapngWriter({ application: "log_pcapng" });
let file: number | undefined;
let written = 0;

export default defineFilter({
  rules: { hook: "input", protocol: "tcp", destinationPort: [23, 2323, 3389], state: "new" },
  start() {
    file = openSync(FILE, "w", 0o600);
  },
  packet(packet) {
    if (file !== undefined && written < MOST_BYTES) {
      written += writeSync(file, writer.packet(recordOf(packet, { verdict: "drop" })));
    }
    return Verdict.Drop;
  },
  stop() {
    if (file !== undefined) closeSync(file);
    file = undefined;
  },
});
