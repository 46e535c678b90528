// Middles that shift the client's numbers, rightly and wrongly.

import type { Middle } from "../../support/tcp/connection.ts";
import { finish, FLAG } from "../../support/tcp/segment.ts";
import { ipHeaderLength } from "../../support/traffic/packets.ts";

/** What a middle does wrong. */
interface Wrongs {
  /** Numbers that are not translated. */
  readonly leaves?: "acknowledgment" | "blocks" | undefined;
  /** Changes a packet, its checksums come after it. @returns null: it is dropped */
  readonly spoil?: ((packet: Parts) => Uint8Array | null | void) | undefined;
  /** As `spoil`, and no checksums are made. */
  readonly spoilLast?: ((packet: Parts) => void) | undefined;
}

/** A packet, and where its parts are. */
interface Parts {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly tcp: number;
  readonly data: number;
  readonly fromClient: boolean;
  readonly index: number;
}

const SHIFT = 1_000_003;

function partsOf(bytes: Uint8Array, fromClient: boolean, index: number): Parts {
  const tcp = ipHeaderLength(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { bytes, view, tcp, data: tcp + (bytes[tcp + 12]! >> 4) * 4, fromClient, index };
}

/** A middle that gives the client another initial number, and does something wrong besides. */
export function shifted({ leaves, spoil, spoilLast }: Wrongs): Middle {
  let index = 0;
  return ({ bytes: given, gso }, fromClient) => {
    let bytes: Uint8Array = given.slice();
    let parts = partsOf(bytes, fromClient, index++);
    const { view, tcp } = parts;
    const add = (at: number, shift: number): void =>
      view.setUint32(at, (view.getUint32(at) + shift) >>> 0);
    if (fromClient) add(tcp + 4, SHIFT);
    else if ((bytes[tcp + 13]! & FLAG.ACK) !== 0) {
      if (leaves !== "acknowledgment" || (bytes[tcp + 13]! & FLAG.SYN) !== 0) add(tcp + 8, -SHIFT);
      if (leaves !== "blocks") {
        for (const at of blocksOf(parts)) add(at, -SHIFT);
      }
    }
    const made = spoil?.(parts);
    if (made === null) return [];
    if (made !== undefined) {
      bytes = made;
      parts = partsOf(bytes, fromClient, parts.index);
    }
    finish(bytes, tcp);
    spoilLast?.(parts);
    return [{ frame: { bytes, gso }, toClient: !fromClient }];
  };
}

function blocksOf({ bytes, tcp, data }: Parts): number[] {
  const places: number[] = [];
  for (let at = tcp + 20; at < data;) {
    const kind = bytes[at]!;
    if (kind === 0) break;
    if (kind === 5) {
      for (let edge = at + 2; edge < at + bytes[at + 1]!; edge += 4) places.push(edge);
    }
    at += kind === 1 ? 1 : bytes[at + 1]!;
  }
  return places;
}

function optionAt({ bytes, tcp, data }: Parts, kind: number): number {
  for (let at = tcp + 20; at < data;) {
    if (bytes[at] === kind) return at;
    if (bytes[at] === 0) break;
    at += bytes[at] === 1 ? 1 : bytes[at + 1]!;
  }
  return -1;
}

/** One that has seen how far a direction got. */
function onRetransmission(act: (packet: Parts) => void): (packet: Parts) => void {
  let highest: number | undefined;
  return (packet) => {
    const { view, tcp, data, bytes, fromClient } = packet;
    if (!fromClient || bytes.length === data) return;
    const sequence = view.getInt32(tcp + 4);
    if (highest !== undefined && ((sequence - highest) | 0) < 0) act(packet);
    else highest = sequence + bytes.length - data;
  };
}

/** A middle that is wrong, what the judge says of it, and in how many of 60 connections at least. */
export interface Mutant {
  readonly middle: () => Middle;
  readonly told: RegExp;
  readonly least: number;
}

/** All of them; what each does completes "a middle that …". */
export const MUTANTS: Readonly<Record<string, Mutant>> = {
  "does not translate acknowledgments": {
    middle: () => shifted({ leaves: "acknowledgment" }),
    ...{ told: /ACK of \d+ positions that were never sent/, least: 50 },
  },
  "does not translate selective acknowledgments": {
    middle: () => shifted({ leaves: "blocks" }),
    ...{ told: /SACK of/, least: 3 },
  },
  "loses a byte and closes the gap": {
    middle: () => {
      let from: number | undefined;
      return shifted({
        spoil: ({ view, tcp, bytes, data, fromClient }) => {
          if (!fromClient || bytes.length === data) return undefined;
          const sequence = view.getUint32(tcp + 4);
          from ??= sequence + bytes.length - data;
          if (((sequence - from) | 0) >= 0) view.setUint32(tcp + 4, (sequence - 1) >>> 0);
          return undefined;
        },
      });
    },
    ...{ told: /position \d+: byte/, least: 15 },
  },
  "sends other bytes at a retransmission": {
    middle: () =>
      shifted({
        spoil: onRetransmission(({ bytes }) => {
          bytes[bytes.length - 1]! ^= 1;
        }),
      }),
    ...{ told: /byte \d+ now, and \d+ before/, least: 5 },
  },
  "changes a byte": {
    middle: () =>
      shifted({
        spoil: ({ bytes, data, fromClient }) => {
          if (!fromClient && bytes.length > data) bytes[data]! ^= 1;
        },
      }),
    ...{ told: /client: byte \d+ is/, least: 20 },
  },
  "leaves the TCP checksum wrong": {
    middle: () =>
      shifted({
        spoilLast: ({ bytes, index, tcp }) => {
          if (index === 4) bytes[tcp + 16]! ^= 1;
        },
      }),
    ...{ told: /TCP checksum/, least: 40 },
  },
  "lets the window move left": {
    middle: () =>
      shifted({
        spoil: ({ view, tcp, index }) => {
          if (index > 6 && index % 5 === 0) view.setUint16(tcp + 14, view.getUint16(tcp + 14) >> 2);
        },
      }),
    // It is looked for where no packet overtakes another.
    ...{ told: /edge moves left/, least: 8 },
  },
  "tells more window than there is": {
    middle: () =>
      shifted({
        spoil: ({ view, tcp }) => {
          const window = view.getUint16(tcp + 14);
          view.setUint16(tcp + 14, Math.min(0xffff, window * 4));
        },
      }),
    ...{ told: /beyond the window/, least: 3 },
  },
  "loses every FIN": {
    middle: () =>
      shifted({ spoil: ({ bytes, tcp }) => bytes[tcp + 13]! & FLAG.FIN ? null : undefined }),
    ...{ told: /stands still/, least: 60 },
  },
  "moves a FIN": {
    middle: () =>
      shifted({
        spoil: ({ bytes, tcp, data }) => {
          const ends = (bytes[tcp + 13]! & FLAG.FIN) !== 0 && bytes.length > data;
          return ends ? bytes.slice(0, -1) : undefined;
        },
      }),
    ...{ told: /./, least: 10 },
  },
  "echoes a timestamp that was not sent": {
    middle: () =>
      shifted({
        spoil: (packet) => {
          const at = optionAt(packet, 8);
          if (at >= 0 && packet.index > 5) packet.bytes[at + 6]! ^= 0x40;
        },
      }),
    ...{ told: /echo/, least: 10 },
  },
  "resets": {
    middle: () =>
      shifted({
        spoil: ({ bytes, tcp, index }) => {
          if (index === 5) bytes[tcp + 13]! |= FLAG.RST;
        },
      }),
    ...{ told: /reset/, least: 5 },
  },
  "acknowledges what has not come, and drops it": {
    middle: () =>
      shifted({
        spoil: ({ view, tcp, fromClient, index }) => {
          if (!fromClient && index > 8) {
            view.setUint32(tcp + 8, (view.getUint32(tcp + 8) + 1) >>> 0);
          }
        },
      }),
    ...{ told: /./, least: 20 },
  },
  "puts FIN where data still comes": {
    middle: () =>
      shifted({
        spoil: ({ bytes, tcp, data, index }) => {
          if (index > 3 && bytes.length > data) bytes[tcp + 13]! |= FLAG.FIN;
        },
      }),
    ...{ told: /FIN/, least: 10 },
  },
  "makes segments longer than they may be": {
    middle: () => {
      const middle = shifted({});
      return (frame, fromClient) =>
        middle(frame, fromClient).map((out) => ({ ...out, frame: { ...out.frame, gso: 0 } }));
    },
    ...{ told: /of options in one segment/, least: 5 },
  },
};
