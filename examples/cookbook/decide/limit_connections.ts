// Lets each sender begin five SSH connections a minute, so that nobody can try passwords quickly.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";

const CONNECTIONS = 5;
const MILLISECONDS = 60_000;
const MOST_SENDERS = 10_000;

/** By sender: when its last connections began. */
const senders = new Map<string, readonly number[]>();

export default defineFilter({
  rules: { hook: "input", protocol: "tcp", destinationPort: 22, state: "new" },
  options: { copyRange: 128 },
  packet({ ip }) {
    if (!ip) return Verdict.Drop;
    // Whoever has an IPv6 address has a whole network of them.
    const sender = ip.version === 4 ? ip.source : ip.sourceBytes.slice(0, 8).join(".");
    const now = Date.now();
    const recent = (senders.get(sender) ?? []).filter((begun) => begun > now - MILLISECONDS);
    senders.delete(sender); // so that the oldest stands first
    senders.set(sender, recent.length < CONNECTIONS ? [...recent, now] : recent);
    if (senders.size > MOST_SENDERS) senders.delete(senders.keys().next().value!);
    return recent.length < CONNECTIONS ? Verdict.Accept : Verdict.Drop;
  },
});
