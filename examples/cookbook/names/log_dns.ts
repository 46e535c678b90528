// Prints who asks for which name: one line for each DNS question that passes.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";
import { dnsQuestions } from "@nfqueue/nfqueue/identify";

const TYPES = new Map([[1, "A"], [5, "CNAME"], [12, "PTR"], [15, "MX"], [28, "AAAA"], [
  65,
  "HTTPS",
]]);

export default defineFilter({
  rules: { hook: ["output", "forward"], protocol: "udp", destinationPort: 53 },
  options: { gso: false, failOpen: true }, // a log must not cost a query
  packet({ ip, udp }) {
    const found = dnsQuestions(udp?.payload ?? new Uint8Array());
    if (found.status !== "found") return Verdict.Accept;
    for (const { name, type } of found.questions) {
      // As JSON, since a name may hold anything.
      console.log(`${ip?.source} asks for ${TYPES.get(type) ?? type} ${JSON.stringify(name)}`);
    }
    return Verdict.Accept;
  },
});
