/** Rules cannot be installed here: neither by nft nor by iptables. The message says why, of each. */
export class RulesError extends Error {
  /** Always `"RulesError"`. */
  override readonly name = "RulesError";
}
