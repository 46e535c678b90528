// By what rules could be set here.
import type { Facts } from "../terms/facts.ts";
import { type Finding, note, ok, warning } from "../terms/finding.ts";

/** What Deno must allow for the other backend. */
const PROGRAMS = "--allow-run=iptables-restore,ip6tables-restore,iptables-save,ip6tables-save";
const WAYS = {
  statement: "with its statement queue",
  xt: "with the target NFQUEUE of xtables, as this kernel lacks the statement queue",
} as const;

export function checkRuleBackends(
  { libraries, nftSupport, process, programs }: Facts,
): readonly Finding[] {
  // Nobody could set any; that is said by the capability.
  if (process.netAdmin === false) return [];
  const library = libraries.nftables.problem === undefined;
  if (library && "target" in nftSupport) {
    const found = ok("rules-nft", `Rules are set by libnftables, ${WAYS[nftSupport.target]}.`);
    if (nftSupport.owner) return [found];
    const message =
      "This kernel's nf_tables have no owners (Linux 5.12 has them): rules stay when their " +
      "program is ended by SIGKILL.";
    return [found, note("no-rule-owner", message, "Take them away then: nfqueue rules clean.")];
  }
  const why = "problem" in nftSupport ? nftSupport.problem : "libnftables.so.1 is not here";
  if (programs.length === 0) {
    const message = `Nothing here can set rules: ${why}, and there is no program iptables.`;
    const advice =
      "Install libnftables (Debian, Ubuntu: apt-get install libnftables1), or set the rules " +
      "elsewhere and start filters with --no-rules.";
    return [warning("no-rule-backend", message, advice)];
  }
  const names = programs.map(({ path, kind }) => `${path} (${kind})`).join(", ");
  const message = `Rules are set by the programs of iptables: ${names}. Not by nft: ${why}.`;
  return [note("rules-iptables", message, `Deno needs ${PROGRAMS} for them.`)];
}
