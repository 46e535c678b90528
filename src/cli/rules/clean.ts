// Rules that programs left behind.
import { IPTABLES } from "../../rules/iptables/backend.ts";
import { NFT } from "../../rules/nft/backend.ts";
import { RuleSet } from "../../rules/set/rule_set.ts";
import { visible } from "../words/point.ts";
import { STATUS, type Surroundings } from "../frame/command.ts";

/** Removes them, and says which. */
export function clean(json: boolean, { write, complain }: Surroundings): number {
  const reasons = [NFT, IPTABLES].map((backend) => ({
    ...{ name: backend.name, why: backend.unusable() },
  }));
  if (reasons.every(({ why }) => why !== undefined)) {
    const all = reasons.map(({ name, why }) => `${name}: ${why}`).join("; ");
    throw new Error(`nobody can tell here whether rules were left behind: ${all}`);
  }
  // Where a program is not there, it has left nothing.
  for (const { name, why } of reasons) {
    if (why?.includes("--allow-run")) {
      complain(`nfqueue rules clean: ${name} was not asked: ${why}\n`);
    }
  }
  const removed = RuleSet.clean();
  if (json) {
    write(`${JSON.stringify({ removed }, null, 2)}\n`);
    return STATUS.done;
  }
  for (const { place, process } of removed) {
    write(`removed: ${visible(place)}, of process ${process}, which runs no more\n`);
  }
  if (removed.length === 0) write("Nothing was left behind.\n");
  return STATUS.done;
}
