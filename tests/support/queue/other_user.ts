/**
 * Packets of another user.
 *
 * @module
 */

import assert from "node:assert/strict";
import { PacketQueue, Verdict } from "../../../mod.ts";
import { command } from "../runtime/command.ts";
import { Filter } from "./filter.ts";
import { nextQueue } from "./numbers.ts";
import { queueRule, udpTo } from "../network/rules.ts";
import { UdpSocket } from "../traffic/udp.ts";

/** What a queue tells of a datagram of user 12345 and group 54321; needs real root. */
export async function checkOtherUser(): Promise<void> {
  using receiver = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue(), { uidGid: true });
  using _rule = queueRule(queue.number, { chain: "OUTPUT", match: udpTo(receiver.port) });
  const ids: unknown[] = [];
  await using _filter = new Filter(queue, (packet) => {
    ids.push([packet.uid, packet.gid]);
    return Verdict.Accept;
  });
  // bash sends it: the other user may not be allowed to read this folder or the runtime.
  const sender = ["bash", "-c", "printf once >/dev/udp/127.0.0.1/$0", String(receiver.port)];
  command("setpriv", ["--reuid", "12345", "--regid", "54321", "--clear-groups", "--", ...sender]);
  assert.deepEqual(await receiver.take(1), ["once"]);
  assert.deepEqual(ids, [[12345, 54321]]);
}
