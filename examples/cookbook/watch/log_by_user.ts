// Prints which user of this machine opens connections, and to where.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

export default defineFilter({
  rules: { hook: "output", protocol: ["tcp", "udp"], state: "new", not: { outDevice: "lo" } },
  options: { uidGid: true, copyRange: 128, failOpen: true },
  packet({ flow, uid, outDevice }) {
    console.log(`${uid === undefined ? "the kernel" : `uid ${uid}`}  ${flow}  ${outDevice?.name}`);
    return Verdict.Accept;
  },
});
