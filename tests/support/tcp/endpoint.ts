/**
 * One end of a TCP connection, in virtual time and without sockets: RFC 9293, RFC 5681, RFC 2018, RFC 7323.
 * It checks strictly what it receives: each thing that no right TCP could have sent is a violation.
 *
 * Longer than 400 lines: the state that all kinds of segments share.
 *
 * @module
 */

import type { Clock, Timer } from "./clock.ts";
import type { Random } from "./random.ts";
import { Receiving, type ReceivingOptions } from "./receiving.ts";
import { decode, encode, type End, FLAG, type Segment, TIMESTAMPS_SIZE } from "./segment.ts";
import { Sending, type SendingOptions, type Sent } from "./sending.ts";

/** A packet on its way. */
export interface Frame {
  readonly bytes: Uint8Array;
  /** Bytes of data in each segment of a packet that has several; else 0. */
  readonly gso: number;
}

/** When an endpoint closes its half, behind all its data. */
export type Closes = "at once" | "after the other" | { readonly milliseconds: number };

/** What an endpoint is like. */
export interface EndpointOptions {
  readonly name: string;
  readonly here: End;
  readonly there: End;
  /** It opens the connection. */
  readonly client: boolean;
  /** The initial sequence number. */
  readonly initial: number;
  readonly segmentSize: number;
  /** The shift of windows; undefined: not offered. */
  readonly scale: number | undefined;
  readonly sack: boolean;
  /** The first timestamp; undefined: not offered. */
  readonly timestamps: number | undefined;
  readonly sending: SendingOptions;
  readonly receiving: Omit<ReceivingOptions, "scale">;
  readonly closes: Closes;
  /** It resets the connection when so many bytes have come. */
  readonly resetsAt?: number | undefined;
  /** It may get a reset. */
  readonly mayBeReset?: boolean | undefined;
  /** No packet overtakes another on the way to it, so that acknowledgments may not move back. */
  readonly inOrder: boolean;
}

/** What an endpoint needs. */
export interface EndpointPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly send: (frame: Frame) => void;
  readonly complain: (text: string) => void;
}

const NOTHING = new Uint8Array(0);
const DELAYED = 40;

/** An end of a connection. */
export class Endpoint {
  readonly sending: Sending;
  readonly receiving: Receiving;
  /** It has sent a reset. */
  aborted = false;
  /** It has taken one. */
  reset = false;

  readonly #options: EndpointOptions;
  readonly #ports: EndpointPorts;
  #theirInitial: number | undefined;
  #theirSize = 536;
  #theirScale = 0;
  #ourScale = 0;
  #scaled = false;
  #sack = false;
  #timestamps = false;
  #recentStamp = 0;
  #lastAcknowledgment = 0;
  #newestAcknowledgment = 0;
  #newestEdge = 0;
  #unacknowledged = 0;
  #delay: Timer | undefined;
  #established = false;

  constructor(options: EndpointOptions, ports: EndpointPorts) {
    this.#options = options;
    this.#ports = ports;
    const { clock, random } = ports;
    this.sending = new Sending(options.sending, {
      ...{ clock, random },
      room: () => this.#room(),
      emit: (sent) => this.#emit(sent),
    });
    this.receiving = new Receiving({ ...options.receiving, scale: options.scale ?? 0 }, {
      clock,
      complain: (text) => this.#complain(text),
      opened: () => this.#acknowledge(),
    });
  }

  /** Whether both halves are closed, or a reset has ended them. */
  get done(): boolean {
    return this.aborted || this.reset || (this.sending.done && this.receiving.done);
  }

  /** Whether the handshake is over for it. */
  get established(): boolean {
    return this.#established;
  }

  /** A number that changes with any progress. */
  get progress(): number {
    const { sending, receiving } = this;
    return sending.acknowledged + receiving.next + (this.done ? 1 : 0);
  }

  /** A client begins. */
  open(): void {
    this.sending.open();
  }

  /** The program gives up the connection. */
  abort(): void {
    if (this.done) return;
    this.aborted = true;
    this.#stop();
    this.#send({ sequence: this.#wire(this.sending.highest), flags: FLAG.RST | FLAG.ACK });
  }

  /** Takes a packet. */
  receive(frame: Frame): void {
    const segment = decode(frame.bytes, (text) => this.#complain(text));
    if (segment === undefined) return;
    const { flags } = segment;
    this.#checkSize(frame, segment);
    if (this.aborted || this.reset) {
      if ((flags & FLAG.RST) === 0 && (flags & FLAG.ACK) !== 0 && this.aborted) {
        this.#send({ sequence: segment.acknowledgment, flags: FLAG.RST, bare: true });
      }
      return;
    }
    if ((flags & FLAG.SYN) !== 0) return this.#takeSyn(segment);
    if (this.#theirInitial === undefined) {
      if ((flags & FLAG.RST) !== 0) this.#takeEarlyReset(segment);
      // A handshake's segment was lost, and what follows came: sent again later.
      return;
    }
    const position = this.#position(segment.sequence);
    if ((flags & FLAG.RST) !== 0) return this.#takeReset(position);
    if (!this.#checkStamps(segment)) {
      // Two ends that answer each other's old acknowledgments never stop.
      if (segment.data.length > 0 || (flags & FLAG.FIN) !== 0) this.#acknowledge();
      return;
    }
    if ((flags & FLAG.ACK) === 0) return this.#complain("neither ACK nor SYN nor RST");
    this.#takeAcknowledgment(segment);
    if (this.aborted || this.reset) return;
    this.#establish();
    this.#takeData(segment, position);
  }

  #takeSyn(segment: Segment): void {
    const { client, scale, sack, timestamps } = this.#options;
    const withAck = (segment.flags & FLAG.ACK) !== 0;
    if (client !== withAck) return this.#complain(client ? "SYN without ACK" : "SYN with ACK");
    if (segment.data.length > 0) this.#complain("SYN with data");
    if (this.#theirInitial !== undefined) {
      if (this.#theirInitial !== segment.sequence) this.#complain("a second initial number");
      // The SYN again: what answers it was lost.
      if (client || this.#established) this.#acknowledge();
      else this.sending.open();
      return;
    }
    if (client && segment.acknowledgment !== this.#wire(1)) {
      return this.#complain("SYN+ACK of another SYN");
    }
    this.#theirInitial = segment.sequence;
    this.#theirSize = segment.segmentSize ?? 536;
    if (scale !== undefined && segment.scale !== undefined) {
      this.#theirScale = segment.scale;
      this.#ourScale = scale;
      this.#scaled = true;
    }
    this.#sack = sack && segment.sackPermitted === true;
    this.#timestamps = timestamps !== undefined && segment.timestamps !== undefined;
    if (segment.timestamps !== undefined) this.#recentStamp = segment.timestamps[0];
    this.receiving.open();
    this.sending.edge = 1 + segment.window;
    this.#newestEdge = this.sending.edge;
    if (client) {
      this.sending.take(1, { edge: this.sending.edge, pure: false });
      this.#newestAcknowledgment = 1;
      this.#acknowledge();
      this.#establish();
    } else this.sending.open();
  }

  #establish(): void {
    if (this.#established || this.sending.acknowledged === 0) return;
    this.#established = true;
    const { closes } = this.#options;
    this.sending.write();
    if (closes === "at once") this.sending.close();
    else if (typeof closes === "object") {
      this.#ports.clock.after(closes.milliseconds, () => this.sending.close());
    }
  }

  #takeAcknowledgment(segment: Segment): void {
    const { sending } = this;
    const { initial, inOrder } = this.#options;
    const position = near(segment.acknowledgment, initial, sending.highest);
    if (position > sending.highest) {
      this.#complain(`ACK of ${position - sending.highest} positions that were never sent`);
      return;
    }
    if (position < 0) return this.#complain(`ACK of position ${position}`);
    if (segment.blocks !== undefined) this.#takeBlocks(segment.blocks, position);
    const edge = position + segment.window * 2 ** this.#theirScale;
    const slack = 2 ** this.#theirScale - 1;
    // The window of an old acknowledgment means nothing (RFC 9293 §3.10.7.4).
    const old = position < this.#newestAcknowledgment;
    // Where packets overtake each other, a middle cannot know which edge its receiver has heard of.
    if (inOrder && edge + slack < this.#newestEdge) {
      this.#complain(`the window's edge moves left by ${this.#newestEdge - edge}`);
    }
    if (inOrder && position < this.#newestAcknowledgment) {
      this.#complain(`the ACK moves back by ${this.#newestAcknowledgment - position}`);
    }
    this.#newestAcknowledgment = Math.max(this.#newestAcknowledgment, position);
    if (!old) this.#newestEdge = Math.max(this.#newestEdge, edge);
    const pure = segment.data.length === 0 && (segment.flags & FLAG.FIN) === 0;
    sending.take(position, { edge: old ? 0 : edge, pure });
  }

  #takeBlocks(blocks: readonly (readonly [number, number])[], acknowledged: number): void {
    const { sending } = this;
    const { initial } = this.#options;
    if (!this.#sack) this.#complain("SACK, which was not permitted");
    for (const [index, [left, right]] of blocks.entries()) {
      const from = near(left, initial, sending.highest);
      const to = near(right, initial, sending.highest);
      if (from < 1 || to > sending.highest || from >= to) {
        this.#complain(`SACK of ${from} to ${to}, and ${sending.highest} were sent`);
      } else if (to <= acknowledged && index > 0) {
        this.#complain(`SACK of ${from} to ${to}, below the ACK ${acknowledged}`);
      } else if (to > acknowledged) sending.noteSelective(from, to);
    }
  }

  #takeData(segment: Segment, position: number): void {
    const { receiving } = this;
    const fin = (segment.flags & FLAG.FIN) !== 0;
    const length = segment.data.length;
    if (length === 0 && !fin) {
      // A keep-alive, or a question about the window.
      if (position < receiving.next) this.#acknowledge();
      else if (position > receiving.promised) {
        this.#complain(`a number ${position - receiving.promised} beyond the window`);
      }
      return;
    }
    const taken = receiving.take(position, segment.data, fin);
    const { resetsAt, closes } = this.#options;
    if (resetsAt !== undefined && receiving.bytes.length >= resetsAt) return this.abort();
    if (receiving.done && closes === "after the other") this.sending.close();
    this.#unacknowledged++;
    if (taken === "other" || fin || this.#unacknowledged >= 2) this.#acknowledge();
    else if (this.#delay === undefined || this.#delay.cancelled) {
      this.#delay = this.#ports.clock.after(DELAYED, () => this.#acknowledge());
    }
  }

  #takeEarlyReset(segment: Segment): void {
    const answers = (segment.flags & FLAG.ACK) !== 0 && segment.acknowledgment === this.#wire(1);
    if (answers && this.#options.client) this.#die();
  }

  /** RFC 5961 §3. */
  #takeReset(position: number): void {
    const { receiving } = this;
    if (position === receiving.next) this.#die();
    else if (position > receiving.next && position < receiving.promised) this.#acknowledge();
  }

  #die(): void {
    if (!this.#options.mayBeReset) this.#complain("a reset that nobody asked for");
    this.reset = true;
    this.#stop();
  }

  #stop(): void {
    this.sending.stop();
    if (this.#delay !== undefined) this.#delay.cancelled = true;
  }

  /** PAWS (RFC 7323 §5.3), and whether echoes are of this end. */
  #checkStamps(segment: Segment): boolean {
    if (!this.#timestamps) return true;
    if (segment.timestamps === undefined) {
      this.#complain("no timestamps");
      return true;
    }
    const [value, echo] = segment.timestamps;
    const sent = this.#stamp();
    if (((sent - echo) | 0) < 0) this.#complain(`echo ${echo} of a timestamp that is not yet`);
    if (((echo - this.#options.timestamps!) | 0) < 0) this.#complain(`echo ${echo}, never sent`);
    const older = ((value - this.#recentStamp) | 0) < 0;
    if (older) {
      if (this.#options.inOrder) this.#complain("timestamps go back");
      return false;
    }
    if (this.#position(segment.sequence) <= this.#lastAcknowledgment) this.#recentStamp = value;
    return true;
  }

  #checkSize({ gso }: Frame, { data, flags, ...options }: Segment): void {
    if (gso > 0 || (flags & FLAG.SYN) !== 0) return;
    const taken = (options.timestamps === undefined ? 0 : TIMESTAMPS_SIZE) +
      (options.blocks === undefined ? 0 : 4 + 8 * options.blocks.length);
    const most = this.#options.segmentSize;
    if (data.length + taken > most) {
      this.#complain(`${data.length} bytes and ${taken} of options in one segment, ${most} fit`);
    }
  }

  #room(): number {
    const { segmentSize } = this.#options;
    const most = Math.min(segmentSize, this.#theirSize);
    // Room for two blocks always: a segment is as long with them as without.
    return most - (this.#timestamps ? TIMESTAMPS_SIZE : 0) - (this.#sack ? 28 : 0);
  }

  #emit({ position, data, fin, gso }: Sent): void {
    const { segmentSize, scale, sack, timestamps, client } = this.#options;
    const sequence = this.#wire(position);
    if (position === 0 && data.length === 0 && !this.#established) {
      const answers = this.#theirInitial !== undefined;
      this.#send({
        ...{ sequence, segmentSize, flags: FLAG.SYN | (answers ? FLAG.ACK : 0) },
        ...(scale !== undefined && (client || this.#scaled) && { scale }),
        sackPermitted: answers ? this.#sack : sack,
        withStamps: answers ? this.#timestamps : timestamps !== undefined,
      });
      return;
    }
    const push = fin || this.#ports.random.chance(0.3);
    const flags = FLAG.ACK | (push ? FLAG.PSH : 0) | (fin ? FLAG.FIN : 0);
    this.#send({ sequence, flags, data, blocks: this.#blocks(2), gso });
  }

  #acknowledge(): void {
    if (this.aborted || this.reset) return;
    const blocks = this.#blocks(this.#timestamps ? 3 : 4);
    this.#send({ sequence: this.#wire(this.#sequence), flags: FLAG.ACK, blocks });
  }

  /** Where a segment without data stands: behind all that was sent, as far as the window lets. */
  get #sequence(): number {
    const { highest, edge } = this.sending;
    return Math.min(highest, Math.max(edge, this.sending.acknowledged));
  }

  #blocks(most: number): [number, number][] {
    if (!this.#sack) return [];
    const theirs = this.#theirInitial!;
    return this.receiving.blocks(most).map(([from, to]) => [
      (theirs + from) >>> 0,
      (theirs + to) >>> 0,
    ]);
  }

  #send(
    segment: Partial<Segment> & {
      readonly sequence: number;
      readonly flags: number;
      readonly gso?: number;
      readonly withStamps?: boolean;
      readonly bare?: boolean;
    },
  ): void {
    const { here, there } = this.#options;
    const { gso = 0, withStamps = this.#timestamps, bare = false } = segment;
    const known = this.#theirInitial !== undefined && !bare;
    const { next } = this.receiving;
    if ((segment.flags & FLAG.RST) === 0) {
      this.#unacknowledged = 0;
      if (this.#delay !== undefined) this.#delay.cancelled = true;
      this.#lastAcknowledgment = next;
    }
    const bytes = encode(
      {
        acknowledgment: known ? (this.#theirInitial! + next) >>> 0 : 0,
        data: NOTHING,
        ...segment,
        window: this.receiving.window((segment.flags & FLAG.SYN) === 0 ? this.#ourScale : 0),
        timestamps: withStamps && !bare
          ? [this.#stamp(), known ? this.#recentStamp : 0]
          : undefined,
      },
      here,
      there,
    );
    this.#ports.send({ bytes, gso });
  }

  #stamp(): number {
    return ((this.#options.timestamps ?? 0) + Math.floor(this.#ports.clock.now)) >>> 0;
  }

  #wire(position: number): number {
    return (this.#options.initial + position) >>> 0;
  }

  #position(sequence: number): number {
    return near(sequence, this.#theirInitial!, this.receiving.next);
  }

  #complain(text: string): void {
    this.#ports.complain(`${this.#options.name}: ${text}`);
  }
}

/** The position that a number on the wire means, the nearest to one that is known. */
function near(number: number, initial: number, known: number): number {
  return known + ((number - initial - known) | 0);
}
