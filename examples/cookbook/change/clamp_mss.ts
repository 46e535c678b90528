// Lowers the segment size that TCP connections agree on, for tunnels that take less than the ends believe.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const MSS = 1240;

export default defineFilter({
  // SYN and SYN-ACK: both ends tell how much they take.
  rules: { hook: ["output", "forward"], protocol: "tcp", expression: "tcp flags syn" },
  packet({ tcp }) {
    if (tcp?.syn && tcp.mss !== undefined && tcp.mss > MSS) tcp.mss = MSS;
    return Verdict.Accept;
  },
});
