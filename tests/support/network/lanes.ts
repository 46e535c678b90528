/**
 * UDP ports that lead to queues: each lane is a port and the queue that a rule of OUTPUT sends its
 * packets to. Many rules are put in at once and stay until the network namespace ends, because each call
 * of iptables costs as much as a small test. A lane is handed out once.
 *
 * @module
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { requireIsolation } from "./isolation.ts";
import { command } from "../runtime/command.ts";

/** A port, and the number of the queue that it leads to. */
export interface Lane {
  readonly port: number;
  readonly queue: number;
}

/** Below the ports that the kernel gives to sockets which name none (ip(7), ip_local_port_range). */
const FIRST_PORT = 20_000;
/** Above the numbers of nextQueue(). */
const FIRST_QUEUE = { 4: 20_000, 6: 30_000 } as const;
const MOST = 10_000;
/** How many rules are put in at once. */
const BLOCK = 128;
const CHAIN = "NFQUEUE_TEST_LANES";

/** Lanes handed out so far: for all files of a run, each of which may have modules of its own. */
const place = (family: 4 | 6): string => `/run/nfqueue-test-lanes-${family}`;

/** The next lane of a family, in this network namespace. */
export function nextLane(family: 4 | 6): Lane {
  // /run is private there, and empty at first.
  requireIsolation();
  const file = place(family);
  const used = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
  if (used >= MOST) throw new RangeError(`no lane is left of ${MOST}`);
  if (used % BLOCK === 0) putIn(family, used);
  writeFileSync(file, String(used + 1));
  return { port: FIRST_PORT + used, queue: FIRST_QUEUE[family] + used };
}

function putIn(family: 4 | 6, first: number): void {
  const ports = `${FIRST_PORT}:${FIRST_PORT + MOST - 1}`;
  const lines = Array.from({ length: BLOCK }, (_, at) => {
    const lane = first + at;
    return `-A ${CHAIN} -p udp --dport ${FIRST_PORT + lane} -j NFQUEUE --queue-num ${
      FIRST_QUEUE[family] + lane
    }`;
  });
  if (first === 0) lines.unshift(`:${CHAIN} -`, `-A OUTPUT -p udp --dport ${ports} -j ${CHAIN}`);
  const input = ["*filter", ...lines, "COMMIT", ""].join("\n");
  command(family === 6 ? "ip6tables-restore" : "iptables-restore", ["-w", "--noflush"], { input });
}

/** Packets that a lane's rule has sent to its queue. */
export function packetsOf({ port }: Lane, family: 4 | 6): number {
  const program = family === 6 ? "ip6tables" : "iptables";
  const listing = command(program, ["-w", "-t", "filter", "-nvxL", CHAIN]);
  const line = listing.split("\n").find((line) => line.includes(` dpt:${port} `));
  if (!line) throw new Error(`port ${port} is not in ${listing}`);
  return Number(line.trim().split(/\s+/)[0]);
}
