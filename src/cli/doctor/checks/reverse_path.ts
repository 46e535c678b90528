// Packets that a filter turned round or rewrote before routing, and the kernel then drops.
import type { Facts } from "../terms/facts.ts";
import { type Finding, note, warning } from "../terms/finding.ts";
import { queueRules } from "../rules/queue_rules.ts";

export function checkReversePath({ rules: { nft, legacy }, settings }: Facts): readonly Finding[] {
  const { strict, loose } = settings.reversePath;
  // IPv6 has no such setting.
  const chains = [...nft.chains, ...legacy.chains].filter(({ family }) =>
    family === "ip" || family === "inet"
  );
  const early = queueRules(chains).some(({ bases }) =>
    bases.some(({ base }) => base.hook === "prerouting")
  );
  if (!early) return [];
  const advice = (names: readonly string[]) =>
    "For packets that a filter sends back: " +
    `sysctl -w net.ipv4.conf.all.rp_filter=0 ${
      names.map((name) => `net.ipv4.conf.${name}.rp_filter=0`).join(" ")
    }`;
  if (strict.length > 0) {
    const message =
      `Reverse path filtering is strict on ${strict.join(", ")}: behind prerouting the ` +
      "kernel drops packets whose source is not reached by that interface, so also those that a filter " +
      "turned round.";
    return [warning("reverse-path-filter", message, advice(strict))];
  }
  if (loose.length === 0) return [];
  const message =
    `Reverse path filtering is loose on ${loose.join(", ")}: behind prerouting the kernel ` +
    "drops packets that a filter turned round.";
  return [note("reverse-path-filter-loose", message, advice(loose))];
}
