/**
 * Two neighbours with this namespace between them, which forwards.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { command } from "../runtime/command.ts";
import { Cable, Namespace } from "./namespaces.ts";

/** Where a packet can be stopped. */
export type Chain = "PREROUTING" | "INPUT" | "FORWARD" | "OUTPUT";

/** Clients on the left, servers on the right. */
export class Crossroads implements Disposable {
  readonly #stack = new DisposableStack();
  readonly left = this.#stack.use(new Namespace());
  readonly right = this.#stack.use(new Namespace());
  readonly leftCable = this.#stack.use(new Cable(this.left));
  readonly rightCable = this.#stack.use(new Cable(this.right));

  /** @param reversePath what rp_filter is everywhere: 0 off, 1 strict */
  constructor(reversePath: 0 | 1) {
    set("ipv4/ip_forward", 1);
    set("ipv6/conf/all/forwarding", 1);
    // The kernel's own limits of ICMP errors.
    set("ipv4/icmp_ratelimit", 0);
    set("ipv6/icmp/ratelimit", 0);
    for (const device of ["all", this.leftCable.device, this.rightCable.device]) {
      set(`ipv4/conf/${device}/rp_filter`, reversePath);
    }
    for (const { prefix } of [this.left, this.right]) {
      const [program = "", ...words] = [...prefix, "sysctl", "-qw"];
      command(program, [...words, `net.ipv4.conf.all.rp_filter=${reversePath}`]);
    }
    this.leftCable.routeEverything();
    this.rightCable.routeEverything();
  }

  /** Where a client is, and whom it asks, so that its packet comes to a chain. */
  path(chain: Chain, family: 4 | 6): {
    /** Undefined: this namespace. */
    readonly client: Namespace | undefined;
    readonly source: string;
    readonly destination: string;
    /** The device of this namespace where the answer to the client passes. */
    readonly device: string;
  } {
    const { leftCable: near, rightCable: far } = this;
    const here = family === 4 ? near.address : near.address6;
    const left = family === 4 ? near.farAddress : near.farAddress6;
    const right = family === 4 ? far.farAddress : far.farAddress6;
    const outward = family === 4 ? far.address : far.address6;
    if (chain === "OUTPUT") {
      return { client: undefined, source: outward, destination: right, device: "lo" };
    }
    const destination = chain === "INPUT" ? here : right;
    return { client: this.left, source: left, destination, device: near.device };
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

function set(name: string, value: number): void {
  writeFileSync(`/proc/sys/net/${name}`, String(value));
}
