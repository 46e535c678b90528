// `nfqueue rules`: what sends packets to queues, what was left behind, what a person would have typed.
import { type Command, type Surroundings, UsageError, type Words } from "../frame/command.ts";
import { clean } from "./clean.ts";
import { explain } from "./explain.ts";
import { list } from "./list.ts";

/** What each does with its words. */
const ACTIONS: Readonly<Record<string, (words: Words, around: Surroundings) => number>> = {
  list: (words, around) => list(asJson(words), around),
  clean: (words, around) => clean(asJson(words), around),
  explain: (words, around) =>
    explain(words.values["rule"] as string[] | undefined ?? [], {
      ...{ around, json: asJson(words) },
    }),
};

/** The command. */
export const rules: Command = {
  summary: "lists rules that send packets to queues, removes leftovers, explains rules",
  usage: "rules list|clean|explain [--rule RULE]… [--json]",
  help:
    `list     every rule of this network namespace that sends packets to a queue, with the queue's
         owner and the packets that came by the rule; the rules of other programs too
clean    removes the rules of programs that run no more and could not remove them
explain  prints what a person would type for a RULE, for nft and for iptables; nothing is installed,
         and nothing is asked of the kernel

  --rule RULE   for explain; may be given several times. RULE is one word for the shell:
                --rule 'output protocol=tcp destinationPort=25,587 not.source=10.0.0.0/8'
                Without queue=N it is explained with queue 0.
  --json        list prints { rules, problems }, clean { removed }, explain { nft, iptables }`,
  options: { rule: { type: "string", multiple: true }, json: { type: "boolean" } },
  positionals: { least: 1, most: 1 },
  run: async (words, around) => {
    const [name = ""] = words.positionals;
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
    if (action === undefined) {
      throw new UsageError(`${JSON.stringify(name)} is none of list, clean and explain`);
    }
    if (name !== "explain" && words.values["rule"] !== undefined) {
      throw new UsageError(`--rule goes with explain, and not with ${name}`);
    }
    return await action(words, around);
  },
};

function asJson({ values }: Words): boolean {
  return values["json"] === true;
}
