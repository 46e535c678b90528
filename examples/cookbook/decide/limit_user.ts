// Lets the user of a service speak to this machine and to one network only; all else is refused.
import { defineFilter } from "@nfqueue/nfqueue";

export default defineFilter({
  rules: {
    hook: "output",
    user: "nobody",
    not: { outDevice: "lo", destination: ["10.0.0.0/8", "fd00::/8"] },
  },
  options: { copyRange: 1280 }, // as much as an answer may quote
  packet(packet) {
    console.log(`refused  ${packet}`);
    packet.reject({ reason: "admin-prohibited" });
  },
});
