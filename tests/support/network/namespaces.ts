/**
 * Further network namespaces, joined to this one by veth pairs.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { command } from "../runtime/command.ts";

let made = 0;

/**
 * A number that no module and no process of this run has had: each has a count of its own, and one
 * that was killed leaves its namespaces behind. /run is private to a run.
 */
function nextNumber(): number {
  for (;;) {
    try {
      writeFileSync(`/run/nfqueue-test-network-${++made}`, "", { flag: "wx" });
      return made;
    } catch (error) {
      if ((error as { code?: string }).code !== "EEXIST") throw error;
    }
  }
}

/** How often to look for an address's route; each look takes a millisecond or two. */
const LOOKS = 1000;

/**
 * Waits until the kernel takes packets for an IPv6 address of its own. It makes the route in a
 * thread of its own, some time after the command that adds the address.
 */
export function awaitAddress6(address: string, words: readonly string[] = []): void {
  for (let look = 0; look < LOOKS; look++) {
    const routes = command("ip", [...words, "-6", "route", "show", "table", "local"]);
    if (routes.includes(`local ${address} `)) return;
  }
  throw new Error(`no route to ${address} of our own`);
}

/** A network namespace of its own, gone (with its devices) when disposed. */
export class Namespace implements Disposable {
  readonly name: string = `nfq-test-${nextNumber()}`;

  constructor() {
    command("ip", ["netns", "add", this.name]);
    command("ip", ["-n", this.name, "link", "set", "lo", "up"]);
  }

  /**
   * Command words that run what follows inside. `nsenter` and not `ip netns exec`: it becomes the
   * program, so the process id is the program's, and it needs no mount of /sys.
   */
  get prefix(): string[] {
    return ["nsenter", `--net=/run/netns/${this.name}`];
  }

  [Symbol.dispose](): void {
    command("ip", ["netns", "delete", this.name]);
  }
}

/** A cable between this namespace and another: `device` and `address` are the end on this side. */
export class Cable implements Disposable {
  readonly #network: number;
  readonly #namespace: Namespace;
  readonly device: string;
  readonly farDevice: string;

  constructor(namespace: Namespace) {
    this.#network = nextNumber();
    this.#namespace = namespace;
    this.device = `near${this.#network}`;
    this.farDevice = `far${this.#network}`;
    const far = ["-n", namespace.name];
    command("ip", [
      ...["link", "add", this.device, "type", "veth", "peer", "name", this.farDevice],
      ...["netns", namespace.name],
    ]);
    // Without duplicate address detection an IPv6 address is usable at once.
    command("ip", ["addr", "add", `${this.address}/24`, "dev", this.device]);
    command("ip", ["addr", "add", `${this.address6}/64`, "dev", this.device, "nodad"]);
    command("ip", [...far, "addr", "add", `${this.farAddress}/24`, "dev", this.farDevice]);
    command("ip", [
      ...far,
      "addr",
      "add",
      `${this.farAddress6}/64`,
      "dev",
      this.farDevice,
      "nodad",
    ]);
    command("ip", ["link", "set", this.device, "up"]);
    command("ip", [...far, "link", "set", this.farDevice, "up"]);
    awaitAddress6(this.address6);
    awaitAddress6(this.farAddress6, far);
  }

  get address(): string {
    return `${this.#prefix4}.1`;
  }

  get farAddress(): string {
    return `${this.#prefix4}.2`;
  }

  get address6(): string {
    return `fd09:${this.#network}::1`;
  }

  get farAddress6(): string {
    return `fd09:${this.#network}::2`;
  }

  /** The hardware address of the far end, as `aa:bb:cc:dd:ee:ff`. */
  get farHardwareAddress(): string {
    const listing = command("ip", ["-n", this.#namespace.name, "link", "show", this.farDevice]);
    return /link\/ether ([0-9a-f:]+)/.exec(listing)?.[1] ?? "";
  }

  /** Index of the device on this side. */
  get index(): number {
    return Number(command("ip", ["-o", "link", "show", this.device]).split(":")[0]);
  }

  /** Sends what the far side has no better way for through this side. */
  routeEverything(): void {
    const far = ["-n", this.#namespace.name, "route", "add", "default"];
    command("ip", [...far, "via", this.address]);
    command("ip", ["-6", ...far, "via", this.address6]);
  }

  /** Takes the device down, as a person pulling the cable would. */
  down(): void {
    command("ip", ["link", "set", this.device, "down"]);
  }

  /** Under Bun all test files share one process, and more than 255 cables are made in it. */
  get #prefix4(): string {
    return `10.${9 + (this.#network >> 8)}.${this.#network & 0xff}`;
  }

  [Symbol.dispose](): void {
    command("ip", ["link", "delete", this.device]);
  }
}
