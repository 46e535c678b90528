/**
 * UDP ports that lead to queues: each lane is a port and the queue that a rule sends its packets
 * to. Many rules are put in at once and stay until the network namespace ends, because each call
 * of iptables costs as much as a small test. A lane is handed out once.
 *
 * @module
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { requireIsolation } from "./isolation.ts";
import { command } from "../runtime/command.ts";

/** Where a lane's rule stands. */
export interface LaneOptions {
  readonly family: 4 | 6;
  readonly chain: "OUTPUT" | "INPUT";
}

/** A port, and the number of the queue that it leads to. */
export interface Lane extends LaneOptions {
  readonly port: number;
  readonly queue: number;
}

/** Lanes of each kind. */
const MOST = 2000;
/**
 * The first of each kind, both port and queue: ports below those that the kernel gives to sockets which
 * name none (ip(7), ip_local_port_range), queues above the numbers of nextQueue().
 */
const FIRST = {
  4: { OUTPUT: 20_000, INPUT: 22_000 },
  6: { OUTPUT: 24_000, INPUT: 26_000 },
} as const;
/** How many rules are put in at once. */
const BLOCK = 128;

const programOf = (family: 4 | 6): string => family === 6 ? "ip6tables" : "iptables";
const chainOf = (chain: string): string => `NFQUEUE_TEST_LANES_${chain}`;

/** The next lane of its kind in this network namespace. */
export function nextLane(options: LaneOptions): Lane {
  // /run is private there, and empty at first.
  requireIsolation();
  const first = FIRST[options.family][options.chain];
  // One count for all files of a run, each of which may have modules of its own.
  const file = `/run/nfqueue-test-lanes-${first}`;
  const used = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
  if (used >= MOST) throw new RangeError(`no lane is left of ${MOST}`);
  if (used % BLOCK === 0) putIn(options, used);
  writeFileSync(file, String(used + 1));
  return { ...options, port: first + used, queue: first + used };
}

function putIn({ family, chain }: LaneOptions, used: number): void {
  const first = FIRST[family][chain];
  const lines = Array.from({ length: BLOCK }, (_, at) => {
    const number = first + used + at;
    return `-A ${chainOf(chain)} -p udp --dport ${number} -j NFQUEUE --queue-num ${number}`;
  });
  if (used === 0) {
    const ports = `${first}:${first + MOST - 1}`;
    lines.unshift(
      `:${chainOf(chain)} -`,
      `-A ${chain} -p udp --dport ${ports} -j ${chainOf(chain)}`,
    );
  }
  const input = ["*filter", ...lines, "COMMIT", ""].join("\n");
  command(`${programOf(family)}-restore`, ["-w", "--noflush"], { input });
}

/** Packets that a lane's rule has sent to its queue. */
export function packetsOf({ family, chain, port }: Lane): number {
  const listing = command(programOf(family), ["-w", "-t", "filter", "-nvxL", chainOf(chain)]);
  const line = listing.split("\n").find((line) => line.includes(` dpt:${port} `));
  if (!line) throw new Error(`port ${port} is not in ${listing}`);
  return Number(line.trim().split(/\s+/)[0]);
}
