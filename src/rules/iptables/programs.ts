// Runs iptables-restore and iptables-save, and says what to do where one fails.
import { backend } from "../../../ffi/backend.ts";
import type { ProgramEnd } from "../../../ffi/types.ts";
import { ERRNO, SystemError } from "../../linux/errno.ts";
import { TOO_LARGE } from "../errors.ts";
import { programOf, type TableName, type Version } from "./plan.ts";

/** Deno's flag that lets them run. */
const ALLOW_RUN = "--allow-run=iptables-restore,iptables-save,ip6tables-restore,ip6tables-save";
/** Seconds to wait for another program that changes rules (iptables-legacy has a lock). */
const PATIENCE = 10;
const EOPNOTSUPP = 95;

/** What the programs say when they fail, and about which line: the first that fits counts. */
const REASONS: readonly (readonly [words: RegExp, errno: number, advice: string])[] = [
  [
    /can't open lock file/i,
    ERRNO.EACCES,
    "iptables-legacy needs a lock that this user can write: set XTABLES_LOCKFILE to such a file",
  ],
  [
    /must be root|permission denied|operation not permitted/i,
    ERRNO.EPERM,
    "This process lacks CAP_NET_ADMIN in the user namespace that owns this network namespace: run " +
    "it as root, or try it in a private network namespace with unshare -Urn",
  ],
  [
    /xtables lock|resource temporarily unavailable/i,
    ERRNO.EBUSY,
    `Another program has been changing rules for ${PATIENCE} seconds: try again when it has ended`,
  ],
  [/message too long/i, ERRNO.EMSGSIZE, TOO_LARGE],
  [
    /invalid argument[^]*--uid-owner/i,
    ERRNO.EINVAL,
    "iptables takes only users that this user namespace has (/proc/self/uid_map)",
  ],
  [
    /couldn't load (?:match|target)|no chain\/target\/match|not supported|missing kernel module|can't initialize|unable to initialize|RULE_APPEND failed/i,
    EOPNOTSUPP,
    "The kernel or iptables lacks what this line needs: load it (modprobe xt_NFQUEUE, and xt_ with " +
    "the name behind -m), or leave the field out",
  ],
];

/** The lines of a table, with what each comes from, for errors. */
export interface RestoreLine {
  readonly text: string;
  /** The rule: `rules[1]`. */
  readonly from?: string;
}

/**
 * Changes a table in one step; chains that are not named stay as they are.
 *
 * @throws {SystemError} and then nothing was changed
 */
export function restoreTable({ version, table }: TableName, lines: readonly RestoreLine[]): void {
  restoreTables(version, [{ table, lines }]);
}

/**
 * Changes tables, one after the other, each in one step.
 *
 * @throws {SystemError} and the table that fails, and those behind it, are as they were
 */
export function restoreTables(
  version: Version,
  changes: readonly { readonly table: string; readonly lines: readonly RestoreLine[] }[],
): void {
  const lines = changes.flatMap(({ table, lines }): readonly RestoreLine[] =>
    lines.length === 0 ? [] : [{ text: `*${table}` }, ...lines, { text: "COMMIT" }]
  );
  if (lines.length === 0) return;
  const program = `${programOf(version)}-restore`;
  const input = lines.map(({ text }) => `${text}\n`).join("");
  const end = backend().runProgram([program, "--noflush", `--wait=${PATIENCE}`], input);
  if (end.status !== 0) throw failed(program, end, lines);
}

/**
 * The text of iptables-save(8), with counters; of all tables that are used where none is named.
 *
 * @throws {SystemError}
 */
export function saveTables(version: Version, table?: string): string {
  const program = `${programOf(version)}-save`;
  const words = table === undefined ? [] : ["-t", table];
  const end = backend().runProgram([program, "-c", ...words]);
  if (end.status !== 0) throw failed(program, end, []);
  return end.output;
}

function failed(program: string, end: ProgramEnd, lines: readonly RestoreLine[]): SystemError {
  const error = (errno: number, advice: string) => new SystemError(program, { errno, advice });
  if (end.failure === "not-found") {
    const instead = program.startsWith(programOf(6)) ? ', or give the rules family: "ipv4"' : "";
    return error(
      ERRNO.ENOENT,
      `${program} is in no folder of PATH: install the package iptables, or add /usr/sbin to PATH` +
        instead,
    );
  }
  if (end.failure === "not-permitted") {
    return error(ERRNO.EACCES, `Start Deno with ${ALLOW_RUN} beside --allow-ffi`);
  }
  if (end.signal !== undefined) {
    return error(ERRNO.EINTR, `It was ended by ${end.signal}: try again`);
  }
  const said = end.errors.trim() || end.failure || "nothing";
  const at = lines[Number(/line:? (\d+)/.exec(said)?.[1]) - 1];
  const from = at?.from === undefined ? "" : ` (${at.from}: ${JSON.stringify(at.text)})`;
  const [, errno, advice] = REASONS.find(([words]) => words.test(`${said} ${at?.text}`)) ??
    [undefined, ERRNO.EINVAL, "It refused what it was told"];
  return error(errno, `${advice}. It said: ${said.replaceAll(/\s+/g, " ")}${from}`);
}
