// First version, until the real one is merged (branch h-iptables): take that one.
import type { RuleBackend } from "../installed.ts";

const impossible = () => {
  throw new RangeError("iptables comes later");
};

/** Rules by iptables. */
export const IPTABLES: RuleBackend = {
  name: "iptables",
  unusable: () => "it comes later",
  install: impossible,
  leftovers: () => [],
  clean: () => [],
  commands: impossible,
};
