// Takes out of TCP's SYN what a connection can do without, and what tells machines apart.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const KEPT = [2, 3, 4]; // segment size, window scale, selective acknowledgments

export default defineFilter({
  rules: { hook: ["output", "forward"], protocol: "tcp", expression: "tcp flags syn" },
  packet({ tcp }) {
    if (!tcp?.syn) return Verdict.Accept;
    const options = tcp.optionList;
    const kept = options.filter(({ kind }) => KEPT.includes(kind));
    if (kept.length < options.length) tcp.optionList = kept;
    return Verdict.Accept;
  },
});
