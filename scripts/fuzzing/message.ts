/** Queued packets of messages that no kernel sent, and what their verdicts send. */
import { type Decider, messageOf } from "../../tests/support/stand_ins/made_messages.ts";
import { OutgoingMessage } from "../../ffi/memory.ts";
import type { SendMemory } from "../../src/nfqueue/kernel_queue.ts";
import { Packet } from "../../src/queue/packet/packet.ts";
import { Outbox } from "../../src/queue/send/outbox.ts";
import {
  decodeVerdict,
  netlinkMessages,
  QUEUE_MESSAGE,
  type QueuePacketMessage,
  type QueueVerdict,
} from "../../src/netlink/mod.ts";
import { CONNTRACK } from "./corpus.ts";
import { Finding } from "./target.ts";

const QUEUE = 1;

/** What a message says besides the packet, by name. */
export const SHAPES: Readonly<Record<string, Partial<QueuePacketMessage>>> = {
  ...Object.fromEntries([0, 1, 2, 3, 4, 5, 255].map((hook) => [`hook${hook}`, { hook }])),
  ...Object.fromEntries([0, 1, 2, 3, 4, 7].map((skbInfo) => [`skb${skbInfo}`, { skbInfo }])),
  bridge: {
    ...{ family: 7, layer2Header: Uint8Array.from({ length: 14 }, (_, at) => at) },
    vlan: { protocol: 0x8100, tci: 0x6005 },
  },
  "short-header": { family: 7, layer2Header: new Uint8Array(6) },
  ipv6: { family: 10, hwProtocol: 0x86dd },
  arp: { family: 7, hwProtocol: 0x806, layer2Header: new Uint8Array(14) },
  unknown: { family: 200, hwProtocol: 1 },
  truncated: { captureLength: 70_000 },
  conntrack: { conntrack: CONNTRACK[0]!, conntrackInfo: 2 },
  "broken-conntrack": { conntrack: new Uint8Array(9).fill(5), conntrackInfo: 9 },
  everything: {
    ...{ mark: 5, timestamp: { seconds: 1795249131, microseconds: 556159 }, priority: 6 },
    ...{ hardwareAddress: Uint8Array.from([1, 2, 3, 4, 5, 6]), uid: 0, gid: 100 },
    ...{ securityContext: "system_u:x", cgroupClassId: 0x10001 },
  },
};

/** A packet, and what its verdict sent. */
export interface Queued {
  readonly packet: Packet;
  /** The message's memory; the packet's bytes are at the end of it. */
  readonly memory: Uint8Array;
  /** Reads the verdicts that were sent so far; sends what was gathered first. */
  sent(): QueueVerdict[];
}

/** A packet of a message with these bytes, whose verdict goes to a socket that is none. */
export function queued(payload: Uint8Array, shape: Partial<QueuePacketMessage>): Queued {
  const version = (payload[0] ?? 0x45) >> 4;
  const guess = version === 6 ? { family: 10, hwProtocol: 0x86dd } : {};
  const store = messageOf({ ...guess, ...shape, payload, queue: QUEUE });
  const verdicts: QueueVerdict[] = [];
  const socket = {
    send(message: SendMemory, length: number): void {
      const datagram = message.bytes.slice(0, length);
      for (const { offset, length, type } of netlinkMessages(datagram)) {
        if (type !== QUEUE_MESSAGE.VERDICT) throw new Finding("verdict", `message type ${type}`);
        verdicts.push(decodeVerdict(datagram.subarray(offset, offset + length)));
      }
    },
  };
  const outbox = OUTBOXES.take(socket);
  const decider: Decider = {
    decide(packet, verdict, mark, changes) {
      if (changes === undefined) outbox.add(packet.id, verdict, mark);
      else outbox.addWithChanges(packet.id, verdict, mark, changes);
    },
  };
  return {
    packet: new Packet(decider, store),
    memory: store.bytes,
    sent: () => {
      outbox.flush();
      return verdicts;
    },
  };
}

/** One outbox for all packets, since it has much memory; each flushes what it put in. */
const OUTBOXES = {
  socket: { send: (_message: SendMemory, _length: number): void => {} },
  outbox: undefined as Outbox | undefined,
  take(socket: { send(message: SendMemory, length: number): void }): Outbox {
    // Of a packet before that was given up in the middle.
    this.socket = { send: () => {} };
    const send = (message: SendMemory, length: number): true => {
      this.socket.send(message, length);
      return true;
    };
    this.outbox ??= new Outbox({
      queue: QUEUE,
      flush: () => this.outbox?.flush(),
      memory: (capacity) => new OutgoingMessage(capacity),
      kernel: { send, sendInDoubt: send, changes: () => 0 },
      refused: () => {},
    });
    this.outbox.flush();
    this.socket = socket;
    return this.outbox;
  },
};
