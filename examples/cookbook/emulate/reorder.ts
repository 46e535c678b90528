// Lets every fourth UDP packet be overtaken by the next one.
import { defineFilter, type Packet, Verdict } from "@nfqueue/nfqueue";

const EVERY = 4;

let count = 0;
let waiting: Packet | undefined;

export default defineFilter({
  rules: { hook: "output", protocol: "udp", not: { outDevice: "lo" } },
  // When no other packet comes, it goes on after 50 ms; nobody need be warned of that.
  options: { deadline: { milliseconds: 50, verdict: Verdict.Accept }, copyRange: 0, warn: false },
  packet(packet) {
    if (++count % EVERY === 0) {
      waiting = packet;
      return packet.hold();
    }
    packet.accept();
    if (waiting?.verdict === undefined) waiting?.accept();
    waiting = undefined;
  },
});
