// Replaces a word in UDP packets, such as syslog's. The new word may be longer or shorter.
import { Buffer } from "node:buffer";
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const FROM = "password=";
const TO = "secret-";

export default defineFilter({
  rules: { hook: ["output", "forward"], protocol: "udp", destinationPort: 514 },
  options: { gso: false }, // each packet is one datagram
  packet({ udp }) {
    // A fragment is left alone: its header tells the length of the whole datagram.
    if (!udp || udp.length !== 8 + udp.payload.length) return Verdict.Accept;
    const text = Buffer.from(udp.payload).toString("latin1"); // one character a byte
    if (text.includes(FROM)) udp.payload = Buffer.from(text.replaceAll(FROM, TO), "latin1");
    return Verdict.Accept;
  },
});
