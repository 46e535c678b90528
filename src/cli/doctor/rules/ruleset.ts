// The rules of a network namespace, of nft and of iptables alike, as far as doctor looks at them.

/** A netfilter hook, by the name that nft has for it. */
export type Hook =
  | "prerouting"
  | "input"
  | "forward"
  | "output"
  | "postrouting"
  | "ingress"
  | "egress";

/** What a rule does with a packet that fits. */
export type Action =
  /** Without numbers where the rule takes the number from a map or a calculation. */
  | { readonly kind: "queue"; readonly numbers: QueueNumbers | undefined; readonly bypass: boolean }
  | { readonly kind: "accept" | "drop" | "return" }
  | { readonly kind: "jump" | "goto"; readonly chain: string }
  /** Has later packets of the connection pass no chain any more. */
  | { readonly kind: "offload"; readonly flowtable: string }
  /** It counts, logs, marks, or does what is unknown here; the next rule follows. */
  | { readonly kind: "other" };

/** Queue numbers, both ends included. */
export interface QueueNumbers {
  readonly from: number;
  readonly to: number;
}

/** One rule. */
export interface RuleFact {
  /** Where it is in its chain: `handle 7` (nft), `rule 1` (iptables). */
  readonly place: string;
  /** Whether there are packets that it does not fit. */
  readonly conditional: boolean;
  readonly action: Action;
  /** Packets and bytes that came to its counter; absent where it has none. */
  readonly count?: { readonly packets: number; readonly bytes: number };
}

/** One chain. */
export interface ChainFact {
  readonly program: "nft" | "iptables";
  /** nft's name: `inet`, `ip`, `ip6`, `bridge`, `arp`, `netdev`. */
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** Only of chains that the kernel itself calls. */
  readonly base?: {
    readonly hook: Hook;
    readonly priority: number;
    /** What becomes of packets that no rule decides. */
    readonly policy: "accept" | "drop";
  };
  readonly rules: readonly RuleFact[];
}

/** All of them. */
export interface Ruleset {
  readonly chains: readonly ChainFact[];
}

/** What a person calls a chain. */
export function chainText({ program, family, table, name }: ChainFact): string {
  if (program === "nft") return `${family} ${table} ${name}`;
  return `${family === "ip6" ? "ip6tables" : "iptables"}-legacy ${table} ${name}`;
}

/** What a person calls a rule. */
export function ruleText(chain: ChainFact, rule: RuleFact): string {
  return `${chainText(chain)} (${rule.place})`;
}
