// What this kernel's nf_tables can do: asked by a transaction that is undone, without any base chain.
import { disposing } from "../../base/disposing.ts";
import { ERRNO, SystemError } from "../../linux/errno.ts";
import { libnftables } from "../../../ffi/libraries/libnftables.ts";
import { LibraryLoadError } from "../../linux/library_errors.ts";
import { newAnswerRule, newChain, newQueueRule, newTable, type TableName } from "./messages.ts";
import { NetfilterSocket } from "./netfilter_socket.ts";

/** How packets come to a queue. */
export interface NftSupport {
  /** The statement `queue`, or the xt target NFQUEUE through nft_compat. */
  readonly target: "statement" | "xt";
  /** Whether a table can belong to a socket, and go with it (Linux 5.12). */
  readonly owner: boolean;
  /** Whether the kernel can reject packets. */
  readonly reject: boolean;
  /** Whether packets can be left out of connection tracking. */
  readonly notrack: boolean;
}

const ONE_QUEUE = { first: 0, last: 0, bypass: true, fanout: false } as const;
/** A kernel without any nfnetlink. */
const ABSENT: readonly number[] = [ERRNO.EPROTONOSUPPORT, ERRNO.EAFNOSUPPORT];
const NO_CAPABILITY = "This process lacks CAP_NET_ADMIN in the user namespace that owns this " +
  "network namespace: run it as root, give it the capability (systemd: " +
  "AmbientCapabilities=CAP_NET_ADMIN; docker: --cap-add=NET_ADMIN), or try it in a private " +
  "network namespace with unshare -Urn";
const NO_NF_TABLES = "This kernel has no nf_tables: load it with modprobe nf_tables, or use a " +
  "kernel built with CONFIG_NF_TABLES";
const NO_TARGET =
  "nf_tables of this kernel cannot send packets to a queue: it needs nft_queue, or " +
  "nft_compat and xt_NFQUEUE (modprobe nft_queue)";

/**
 * Asks the kernel.
 *
 * @throws {SystemError} saying what is missing
 */
export function nftSupport(): NftSupport {
  return disposing(openedSocket(), askSupport);
}

function askSupport(socket: NetfilterSocket): NftSupport {
  const [plain, xt, xt6, owned] = [
    { family: "inet", table: "nfq_probe" },
    { family: "ip", table: "nfq_probe" },
    { family: "ip6", table: "nfq_probe" },
    { family: "inet", table: "nfq_probe_owned" },
  ] as const satisfies readonly TableName[];
  const chain = "probe";
  const families = [plain, xt, xt6].map((table) => ({ ...table, chain }));
  const { refused, errnos } = socket.transact([
    ...[newTable(plain), newChain(plain, chain)],
    newQueueRule({ ...plain, chain }, ONE_QUEUE, { kind: "queue" }),
    ...[newTable(xt), newChain(xt, chain)],
    newQueueRule({ ...xt, chain }, ONE_QUEUE, { kind: "target" }),
    newTable(owned, { owned: true }),
    ...[newTable(xt6), newChain(xt6, chain)],
    ...families.map((place) => newAnswerRule(place, "reject")),
    ...families.map((place) => newAnswerRule(place, "notrack")),
  ], { commit: false });
  const [table = 0, , statement = 0, , , target = 0, owner = 0, , , ...answers] = errnos;
  const works = (from: number) =>
    answers.slice(from, from + families.length).every((no) => no === 0);
  const errno = refused || table;
  if (errno === ERRNO.EPERM) throw new SystemError("nf_tables", { errno, advice: NO_CAPABILITY });
  if (errno !== 0) throw new SystemError("nf_tables", { errno, advice: NO_NF_TABLES });
  if (statement !== 0 && target !== 0) {
    throw new SystemError("nf_tables", { errno: statement, advice: NO_TARGET });
  }
  return {
    target: statement === 0 ? "statement" : "xt",
    owner: owner === 0,
    reject: works(0),
    notrack: works(families.length),
  };
}

function openedSocket(): NetfilterSocket {
  try {
    return new NetfilterSocket();
  } catch (error) {
    if (!(error instanceof SystemError) || !ABSENT.includes(error.errno)) throw error;
    throw new SystemError(error.syscall, { errno: error.errno, advice: NO_NF_TABLES });
  }
}

/** Why nft cannot be used here; undefined where it can. */
export function nftUnusable(): string | undefined {
  try {
    libnftables();
    nftSupport();
    return undefined;
  } catch (error) {
    if (error instanceof SystemError || error instanceof LibraryLoadError) return error.message;
    throw error;
  }
}
