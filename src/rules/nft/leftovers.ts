// Tables of processes that run no more. The kernel has removed those that were owned, unless something else
// still holds the socket: then it is not for us to take them away.
import { disposing } from "../../base/disposing.ts";
import { ERRNO, SystemError } from "../../linux/errno.ts";
import type { LeftoverRules } from "../installed.ts";
import { ownerOf } from "../owner.ts";
import { deleteTable, listTables, type TableName, tableOf } from "./messages.ts";
import { NetfilterSocket } from "./netfilter_socket.ts";

interface Leftover extends LeftoverRules {
  readonly name: TableName;
}

function find(socket: NetfilterSocket): readonly Leftover[] {
  return socket.list(listTables, tableOf).flatMap(({ owned, ...name }) => {
    const owner = owned ? undefined : ownerOf(name.table);
    if (owner?.state !== "gone") return [];
    return [{ place: `${name.family} ${name.table}`, process: owner.process, name }];
  });
}

const told = (found: Leftover): LeftoverRules => ({ place: found.place, process: found.process });

/** @throws {SystemError} where nf_tables cannot be asked */
export function nftLeftovers(): readonly LeftoverRules[] {
  return disposing(new NetfilterSocket(), (socket) => find(socket).map(told));
}

/**
 * Deletes them, one by one; what another process deletes at the same time is not among them.
 *
 * @throws {SystemError} without CAP_NET_ADMIN
 */
export function cleanNft(): readonly LeftoverRules[] {
  return disposing(new NetfilterSocket(), clean);
}

function clean(socket: NetfilterSocket): readonly LeftoverRules[] {
  return find(socket).filter(({ name }) => {
    const { refused, errnos: [errno = 0] } = socket.transact([deleteTable(name)], {
      commit: true,
    });
    const failure = refused || errno;
    if (failure !== 0 && failure !== ERRNO.ENOENT) {
      throw new SystemError("nf_tables", { errno: failure, advice: `${name.table} stays` });
    }
    return failure === 0;
  }).map(told);
}
