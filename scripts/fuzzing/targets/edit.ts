/** Packets and frames that are edited through their views. */
import {
  type EthernetLayers,
  ETHERTYPE,
  type Layers,
  parseEthernet,
  parseLayers,
} from "../../../src/packet/mod.ts";
import { ARP_PACKETS, FRAMES, IP_PACKETS, LONG_PACKETS } from "../corpus.ts";
import { Editing } from "../editing.ts";
import { DOCUMENTED } from "../errors.ts";
import { ASSIGNMENTS, chooseAssignments, viewsOf } from "../setters.ts";
import type { Target } from "../target.ts";

/** Assignments to one packet, at most. */
const MOST = 4;

/** ARP begins with the type of hardware, IP with the version. */
function openPacket(bytes: Uint8Array): Layers {
  return parseLayers(bytes, { protocol: bytes[0] === 0 ? ETHERTYPE.ARP : ETHERTYPE.ANY });
}

function editTarget(
  name: "edit" | "edit-frame",
  corpus: Pick<Target, "corpus" | "long">,
  open: (bytes: Uint8Array) => Layers | EthernetLayers,
): Target {
  const errors = DOCUMENTED[name];
  return {
    ...{ name, errors, block: 100, calls: 8, writes: true, operations: ASSIGNMENTS, ...corpus },
    choose: (random, bytes) => chooseAssignments(random, viewsOf(open(bytes)), MOST),
    run: (bytes, operations) => {
      const editing = new Editing(open(bytes));
      for (const operation of operations) editing.assign(operation, errors);
      return editing.digest;
    },
  };
}

export const EDIT_TARGETS: readonly Target[] = [
  editTarget("edit", { corpus: [...IP_PACKETS, ...ARP_PACKETS], long: LONG_PACKETS }, openPacket),
  editTarget("edit-frame", { corpus: FRAMES }, parseEthernet),
];
