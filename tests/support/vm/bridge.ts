/**
 * A bridge in this network namespace, with a host on each of its two ports.
 *
 * @module
 */

import { command, commandAside } from "../runtime/command.ts";
import { FrameSocket } from "../traffic/frames.ts";
import { Namespace } from "../network/namespaces.ts";

let made = 0;

/** Several ip commands in one process: each process takes a tenth of a second here. */
function batch(options: readonly string[], lines: readonly string[]): string {
  const input = lines.map((line) => `${line}\n`).join("");
  return command("ip", [...options, "-batch", "-"], { input });
}

/** The same, and the index of a device that is there then. */
function batchAndIndex(lines: readonly string[], device: string): number {
  return Number(batch(["-o"], [...lines, `link show ${device}`]).split(":")[0]);
}

/** One host: a namespace, and the bridge's port that its cable ends at. */
export class BridgeHost implements Disposable {
  readonly namespace = new Namespace();
  /** The bridge's end of the cable. */
  readonly port: string;
  readonly portIndex: number;
  readonly device = "eth0";
  readonly address: string;
  readonly hardwareAddress: string;

  constructor(bridge: string, address: string) {
    const number = ++made;
    this.port = `port${number}`;
    this.address = address;
    this.hardwareAddress = `02:00:00:00:00:${number.toString(16).padStart(2, "0")}`;
    const far = `peer name ${this.device} address ${this.hardwareAddress}`;
    this.portIndex = batchAndIndex([
      `link add ${this.port} type veth ${far} netns ${this.namespace.name}`,
      `link set ${this.port} master ${bridge} up`,
    ], this.port);
    batch(["-n", this.namespace.name], [
      `addr add ${address}/24 dev ${this.device}`,
      `link set ${this.device} up`,
    ]);
  }

  /** Command words that run what follows on this host. */
  get prefix(): string[] {
    return this.namespace.prefix;
  }

  /** Runs a command on this host. */
  run(words: readonly string[]): string {
    const [program = "", ...parameters] = [...this.prefix, ...words];
    return command(program, parameters);
  }

  /** The same while the event loop goes on. */
  runAside(words: readonly string[]): Promise<string> {
    const [program = "", ...parameters] = [...this.prefix, ...words];
    return commandAside(program, parameters);
  }

  /** Sends and sees whole frames at this host's end of its cable. */
  frames(): FrameSocket {
    const listing = this.run(["ip", "-o", "link", "show", this.device]);
    return new FrameSocket(this.namespace.name, Number(listing.split(":")[0]));
  }

  /** Gives it further addresses, usable at once. */
  addAddresses(addresses: readonly string[]): void {
    batch(
      ["-n", this.namespace.name],
      addresses.map((address) => {
        const where = `dev ${this.device}`;
        // Without duplicate address detection.
        return `addr add ${address} ${where}${address.includes(":") ? " nodad" : ""}`;
      }),
    );
  }

  /** Adds a VLAN device; what it sends has this priority code point. */
  addVlan(id: number, { address, priority }: { address: string; priority: number }): void {
    const name = `vlan${id}`;
    batch(["-n", this.namespace.name], [
      `link add link ${this.device} name ${name} type vlan id ${id} egress-qos-map 0:${priority}`,
      `addr add ${address}/24 dev ${name}`,
      `link set ${name} up`,
    ]);
  }

  [Symbol.dispose](): void {
    command("ip", ["link", "delete", this.port]);
    this.namespace[Symbol.dispose]();
  }
}

/** The bridge. */
export class Bridge implements Disposable {
  readonly #stack = new DisposableStack();
  readonly device: string = `bridge${++made}`;
  readonly index: number;
  readonly left: BridgeHost;
  readonly right: BridgeHost;

  constructor() {
    this.index = batchAndIndex([
      `link add ${this.device} type bridge mcast_snooping 0`,
      `link set ${this.device} up`,
    ], this.device);
    this.#stack.defer(() => command("ip", ["link", "delete", this.device]));
    this.left = this.#stack.use(new BridgeHost(this.device, "10.8.0.1"));
    this.right = this.#stack.use(new BridgeHost(this.device, "10.8.0.2"));
  }

  /** One more host. */
  addHost(address: string): BridgeHost {
    return this.#stack.use(new BridgeHost(this.device, address));
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}
