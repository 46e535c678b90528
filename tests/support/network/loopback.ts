/**
 * Loopback as a narrower device.
 *
 * @module
 */

import { command } from "../runtime/command.ts";

/** Loopback with an Ethernet's MTU until disposed: at 64 KiB nothing would ever be cut. */
export class SmallLoopback implements Disposable {
  /** Bytes. */
  static readonly mtu = 1500;

  constructor() {
    command("ip", ["link", "set", "lo", "mtu", String(SmallLoopback.mtu)]);
  }

  [Symbol.dispose](): void {
    command("ip", ["link", "set", "lo", "mtu", "65536"]);
  }
}
