// Replaces a word in plain HTTP responses by another one. The length stays: TCP counts the bytes.
import { Buffer } from "node:buffer";
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const FROM = "goodbye";
const TO = "hello".padEnd(FROM.length).slice(0, FROM.length);

export default defineFilter({
  rules: [
    { hook: ["output", "forward"], protocol: "tcp", destinationPort: 80 },
    { hook: ["input", "forward"], protocol: "tcp", sourcePort: 80 },
  ],
  packet({ tcp }) {
    if (!tcp?.payload.length) return Verdict.Accept;
    const text = Buffer.from(tcp.payload).toString("latin1"); // one character a byte
    const changed = tcp.destinationPort === 80
      ? text.replace(/^accept-encoding:/im, "X-cept-encoding:") // compressed words are not found
      : text.replaceAll(FROM, TO);
    if (changed !== text) tcp.payload = Buffer.from(changed, "latin1");
    return Verdict.Accept;
  },
});
