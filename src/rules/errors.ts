/** What to do about EMSGSIZE: only real root may send more than the buffer that everybody has. */
export const TOO_LARGE =
  "These are more rules than an ordinary user may install at once (net.core.wmem_max), root of a user " +
  "namespace as well: fewer values, or prefixes and ranges in their place, are less";

/** Rules cannot be installed here: neither by nft nor by iptables. The message says why, of each. */
export class RulesError extends Error {
  /** Always `"RulesError"`. */
  override readonly name = "RulesError";
}
