/** The rules of one phase: the queue's, and counters before and behind it that stay whatever becomes of it. */
import { command } from "../../tests/support/runtime/command.ts";
import { Rule } from "../../tests/support/network/rules.ts";
import { REPEATED } from "./packet.ts";

export type Backend = "nft" | "legacy";

export interface RulesOptions {
  /** The first of the ports; each has the queue with the same index. */
  readonly port: number;
  readonly queues: readonly number[];
  readonly backend: Backend;
}

const CHAIN = "soak";

/**
 * All of it is at the end of a packet's way in (INPUT): between here and the receiver's socket nothing else
 * can lose one. In the order of the kernel: mangle counts, filter queues, security counts what comes out.
 */
export class SoakRules implements Disposable {
  readonly #options: RulesOptions;
  readonly #program: string;
  readonly #stack = new DisposableStack();
  readonly #entered: Rule;
  readonly #passed: Rule;

  constructor(options: RulesOptions) {
    this.#options = options;
    this.#program = options.backend === "legacy" ? "iptables-legacy" : "iptables";
    const last = options.port + options.queues.length - 1;
    const match = ["-p", "udp", "--dport", `${options.port}:${last}`];
    const { queues: [queue] } = options;
    try {
      this.#entered = this.#stack.use(new Rule({ table: "mangle", chain: "INPUT", match }));
      this.#passed = this.#stack.use(new Rule({ table: "security", chain: "INPUT", match }));
      this.replaceRules();
      this.#stack.use(
        new Rule({
          ...{ chain: "INPUT", match, jump: [CHAIN], legacy: options.backend === "legacy" },
        }),
      );
    } catch (error) {
      this[Symbol.dispose]();
      throw new Error(`the rules of queue ${queue}`, { cause: error });
    }
  }

  /** Packets that came to the queue's rule; each comes there once. */
  get entered(): number {
    return this.#entered.packets;
  }

  /** Packets that came out behind it. */
  get passed(): number {
    return this.#passed.packets;
  }

  /** The queue's rules anew, in one transaction, in a chain that stays. */
  replaceRules(): void {
    const { port, queues } = this.#options;
    const rules = queues.map((queue, index) =>
      `-A ${CHAIN} -p udp --dport ${port + index} -m mark ! --mark ${REPEATED} ` +
      `-j NFQUEUE --queue-num ${queue}\n`
    );
    const input = `*filter\n:${CHAIN} - [0:0]\n${rules.join("")}COMMIT\n`;
    command(`${this.#program}-restore`, ["-w", "--noflush"], { input });
  }

  /** The whole table anew, in one transaction: what `iptables-save` and `iptables-restore` do. */
  replaceTable(): void {
    const input = command(`${this.#program}-save`, ["-t", "filter"]);
    command(`${this.#program}-restore`, ["-w"], { input });
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
    const input = `*filter\n:${CHAIN} - [0:0]\n-X ${CHAIN}\nCOMMIT\n`;
    try {
      command(`${this.#program}-restore`, ["-w", "--noflush"], { input });
    } catch {
      // Still referred to, because a rule above could not be taken away; the namespace ends soon.
    }
  }
}
