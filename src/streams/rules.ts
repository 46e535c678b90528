import { checkInteger, checkKeys, checkText, checkU16, show } from "../base/checks.ts";

/** A port, a range of ports, or several of them. */
export type StreamPorts =
  | number
  | { readonly from: number; readonly to: number }
  | readonly (number | { readonly from: number; readonly to: number })[];

/** Which connections, and where they pass. */
export interface StreamRulesOptions {
  /** The port of the server, or several. */
  readonly serverPort: StreamPorts;
  /**
   * `"local"` (the default): one end is this host, the other is elsewhere. `"forward"`: this host forwards,
   * and `device` is the one on one side of it. `"loopback"`: both ends are this host.
   */
  readonly path?: "local" | "forward" | "loopback" | undefined;
  /** The device of a path of the kind `"forward"`, without a wildcard. */
  readonly device?: string | undefined;
  /** IPv4, IPv6 or both. Default both. */
  readonly family?: "inet" | "ipv4" | "ipv6" | undefined;
  /** The queue; in a filter module the host gives it. */
  readonly queue?: number | undefined;
}

/** A rule for `RuleSet.install` and for a filter's `rules`. */
export interface StreamRule {
  /** Where in the stack. */
  readonly hook: "prerouting" | "input" | "output" | "postrouting";
  /** Before or behind connection tracking. */
  readonly priority: number;
  /** TCP. */
  readonly protocol: "tcp";
  /** IPv4, IPv6 or both. */
  readonly family: "inet" | "ipv4" | "ipv6";
  /** The server's port, in one direction. */
  readonly sourcePort?: StreamPorts;
  /** The same in the other. */
  readonly destinationPort?: StreamPorts;
  /** On which side. */
  readonly inDevice?: string;
  /** The same of packets that leave. */
  readonly outDevice?: string;
  /** On which side not. */
  readonly not?: { readonly inDevice?: string; readonly outDevice?: string };
  /** The queue. */
  readonly queue?: number;
}

/** Before connection tracking (−200), and behind address translation (100). */
const BEFORE = -300;
const BEHIND = 150;
const KEYS = ["serverPort", "path", "device", "family", "queue"] as const;

/**
 * Connection tracking must see the numbers of one end only. So one direction is changed before it looks,
 * and the other one behind it.
 */
export function streamRules(options: StreamRulesOptions): StreamRule[] {
  checkKeys("options", options, KEYS);
  const { serverPort, path = "local", device, family = "inet", queue } = options;
  checkPorts(serverPort);
  if (queue !== undefined) checkU16("queue", queue);
  if (family !== "inet" && family !== "ipv4" && family !== "ipv6") {
    throw new RangeError(`family must be "inet", "ipv4" or "ipv6", got ${show(family)}`);
  }
  if (path !== "local" && path !== "forward" && path !== "loopback") {
    throw new RangeError(`path must be "local", "forward" or "loopback", got ${show(path)}`);
  }
  if (path === "forward") {
    if (device === undefined) {
      throw new TypeError(
        'device must be given for the path "forward": each packet passes once there',
      );
    }
    checkText("device", device);
  } else if (device !== undefined) {
    throw new TypeError(`device is only for the path "forward", not for "${path}"`);
  }
  const all = { protocol: "tcp", family, ...(queue === undefined ? {} : { queue }) } as const;
  const toServer = { destinationPort: serverPort };
  const fromServer = { sourcePort: serverPort };
  if (path === "loopback") {
    return [
      { ...all, hook: "output", priority: BEFORE, ...toServer, outDevice: "lo" },
      { ...all, hook: "input", priority: 0, ...fromServer, inDevice: "lo" },
    ];
  }
  const entering = device === undefined ? { not: { inDevice: "lo" } } : { inDevice: device };
  const leaving = device === undefined ? { not: { outDevice: "lo" } } : { outDevice: device };
  return [toServer, fromServer].flatMap((ports): StreamRule[] => [
    { ...all, hook: "prerouting", priority: BEFORE, ...ports, ...entering },
    { ...all, hook: "postrouting", priority: BEHIND, ...ports, ...leaving },
  ]);
}

function checkPorts(ports: unknown): void {
  const list: readonly unknown[] = Array.isArray(ports) ? ports : [ports];
  if (list.length === 0) throw new RangeError("serverPort must have one port at least");
  for (const port of list) {
    if (typeof port !== "object" || port === null) {
      checkU16("serverPort", port);
      continue;
    }
    checkKeys("serverPort", port, ["from", "to"]);
    const { from, to } = port as { from?: unknown; to?: unknown };
    checkInteger("serverPort.to", to, checkU16("serverPort.from", from), 0xffff);
  }
}
