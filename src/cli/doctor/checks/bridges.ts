// Whether packets that a bridge passes on come to the chains of IP.
import type { Facts } from "../terms/facts.ts";
import { type Finding, note, warning } from "../terms/finding.ts";
import { queueRules } from "../rules/queue_rules.ts";

export function checkBridges({ rules: { nft, legacy }, settings }: Facts): readonly Finding[] {
  const { bridges, bridgeNetfilter } = settings;
  if (bridges.length === 0) return [];
  const names = `${bridges.length === 1 ? "bridge" : "bridges"} ${bridges.join(", ")}`;
  const rules = queueRules([...nft.chains, ...legacy.chains]).filter(({ bases }) =>
    bases.length > 0
  );
  const ofBridge = rules.some(({ chain: { family } }) => family === "bridge");
  const ofIp = rules.some(({ chain: { family } }) => ["ip", "ip6", "inet"].includes(family));
  if (bridgeNetfilter.ip || bridgeNetfilter.ip6) {
    const message =
      `br_netfilter is on: packets that the ${names} passes on also go through the chains ` +
      "of IP.";
    if (ofBridge && ofIp) {
      return [
        warning("bridge-netfilter", `${message} Rules for both may queue a packet twice.`, OFF),
      ];
    }
    return [(ofIp ? warning : note)("bridge-netfilter", message, OFF)];
  }
  const forwarded = rules.some(({ chain: { family }, bases }) =>
    family !== "bridge" && bases.some(({ base }) => base.hook === "forward")
  );
  if (!forwarded) return [];
  const message =
    `Packets that the ${names} passes on come to no chain of IP, so not to rules of the ` +
    "hook forward.";
  return [note("bridge-without-netfilter", message, ON)];
}

const OFF = "Where that is not wanted: sysctl -w net.bridge.bridge-nf-call-iptables=0 " +
  "net.bridge.bridge-nf-call-ip6tables=0.";
const ON = 'Use rules of the family "bridge", or load br_netfilter and set ' +
  "net.bridge.bridge-nf-call-iptables to 1.";
