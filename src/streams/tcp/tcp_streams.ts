/**
 * TCP connections through a queue, as streams of bytes.
 *
 * Longer than 400 lines: one packet's way through a connection, from the look-up to its verdict.
 *
 * @module
 */

import { ACCEPT, DROP, type StreamPacket, type StreamVerdict } from "../packet.ts";
import { acknowledge } from "./acknowledgment.ts";
import { Assembly } from "./assembly.ts";
import { checkCallbacks, type EndReason } from "./callbacks.ts";
import { Calls } from "./calls.ts";
import { type Connection, TcpConnection, TcpStream } from "./connection.ts";
import { ConnectionTable } from "./connection_table.ts";
import type { Direction } from "./direction.ts";
import { type StreamLimit, StreamLimitEvent, type TcpStreamsStatistics } from "./events.ts";
import { carrySynchronize, readSynchronize } from "./handshake.ts";
import { MemoryAccount } from "./bytes/kept_bytes.ts";
import { isSigned, timestampAt } from "./options.ts";
import { OwnPackets } from "./own_packets.ts";
import { PacketWriter } from "./packet_writer.ts";
import { planPassed } from "./passed.ts";
import { Plan } from "./plan.ts";
import { SeenList } from "./seen_list.ts";
import { FLAG, Segment } from "./segment.ts";
import { type StreamRule, streamRules, type StreamRulesOptions } from "../rules.ts";
import { advance, distance, later } from "./bytes/sequence.ts";
import { checkSettings, type Settings, type TcpStreamsOptions } from "./settings.ts";

/** How long a connection that has ended is still translated, for what is repeated; milliseconds. */
const LINGER = 10_000;
/** How exactly the time of the last packet is known. */
const SECOND = 1000;

const TRUNCATED =
  "TcpStreams needs whole packets, got a part of one: open the queue with the copy " +
  "range that it has by default, and with gso: false where packets of more than 64 KiB come (loopback)";

/** Follows TCP connections. One object serves one queue, or several that the same thread reads. */
export class TcpStreams extends EventTarget implements Disposable {
  readonly #settings: Settings;
  readonly #account = new MemoryAccount();
  readonly #report = { unsent: 0, unsentError: undefined as unknown };
  readonly #table = new ConnectionTable();
  readonly #active = new SeenList();
  readonly #ended = new SeenList();
  readonly #segment = new Segment();
  readonly #plan = new Plan();
  readonly #writer: PacketWriter;
  readonly #own: OwnPackets;
  readonly #calls = new Calls();
  readonly #assembly: Assembly;
  readonly #holding = new Set<Connection>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #swept = 0;
  #followed = 0;
  readonly #reasons: Record<EndReason, number> = {
    ...{ closed: 0, reset: 0, refused: 0, limit: 0, idle: 0, passed: 0, replaced: 0, stopped: 0 },
  };
  readonly #limits: Record<StreamLimit, number> = {
    ...{ connections: 0, connectionBytes: 0, bytes: 0, hold: 0, gap: 0 },
  };
  #closed = false;

  /**
   * The handler for `queue.run` and `queue.runSync`. Packets of other protocols, and of connections that are
   * not followed, are accepted as they are.
   *
   * @throws what a callback threw, after its connection was reset
   * @throws {RangeError} at a packet of a followed connection of which the queue gave only the beginning
   */
  readonly handler: (packet: StreamPacket) => StreamVerdict;

  /**
   * Follows nothing yet: its handler is to be given to a queue.
   *
   * @throws {TypeError | RangeError} naming the option that is wrong
   */
  constructor(options: TcpStreamsOptions) {
    super();
    this.#settings = checkSettings(options);
    this.#writer = new PacketWriter(this.#report);
    this.#own = new OwnPackets(this.#writer);
    this.#assembly = new Assembly(this.#settings, this.#calls);
    this.handler = (packet) => this.#handle(packet);
  }

  /**
   * Rules that send both directions of the connections to a server's port to a queue, for `RuleSet.install`.
   *
   * @throws {TypeError | RangeError} naming the option that is wrong
   */
  static rules(options: StreamRulesOptions): StreamRule[] {
    return streamRules(options);
  }

  /** Counters, of now. */
  get statistics(): TcpStreamsStatistics {
    const { unsent, unsentError } = this.#report;
    return {
      connections: this.#table.size,
      bytes: this.#account.bytes,
      followed: this.#followed,
      ended: { ...this.#reasons },
      limits: { ...this.#limits },
      ...{ unsent, unsentError },
    };
  }

  /**
   * Follows nothing more. What is held goes on, and callbacks hear that it is over. Packets of connections
   * whose numbers were shifted are no longer translated. Idempotent.
   *
   * @throws what a callback threw
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const list of [this.#active, this.#ended]) {
      for (let first = list.first; first !== undefined; first = list.first) {
        this.#endFollowing(first, "stopped");
        this.#remove(first);
      }
    }
    clearTimeout(this.#timer);
    this.#throwFailure();
  }

  /** As `close()`, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.close();
  }

  #handle(packet: StreamPacket): StreamVerdict {
    if (this.#calls.failures.length > 0) this.#throwFailure();
    const segment = this.#segment;
    if (this.#closed) return ACCEPT;
    if (!segment.read(packet)) {
      if (segment.cut && packet.truncated) throw new RangeError(TRUNCATED);
      return ACCEPT;
    }
    let connection = this.#table.find(segment);
    if (connection !== undefined && connection.transparent && !segment.opens) return ACCEPT;
    if (segment.cut) {
      if (connection !== undefined && packet.truncated) throw new RangeError(TRUNCATED);
      return ACCEPT;
    }
    const now = performance.now();
    segment.gso = packet.gso;
    segment.unfinished = packet.checksumNotReady;
    if (connection === undefined || (segment.opens && this.#isOver(connection))) {
      const met = this.#meet(connection, now);
      if (typeof met === "number") return this.#throwOr(met, packet);
      connection = met;
    }
    if (!segment.sound) return ACCEPT;
    if (segment.opens && isAnother(connection, segment)) return this.#propose(connection, packet);
    if (connection.successor !== undefined) {
      const answer = this.#table.answerTo(connection.successor, segment);
      if (answer === "refused") {
        connection.successor = undefined;
        return ACCEPT;
      }
      if (answer === "taken") {
        connection = this.#succeed(connection, now);
        if (connection === undefined) return this.#throwOr(ACCEPT, packet);
      }
    }
    this.#see(connection, packet, now);
    const verdict = this.#carry(connection, packet, now);
    return this.#throwOr(verdict, packet);
  }

  /** Whether a SYN takes its place at once: it has ended, or nothing of it is translated. */
  #isOver(connection: Connection): boolean {
    const { dead, transparent, list } = connection;
    // Its own SYN may come late.
    return transparent || ((dead || list === this.#ended) && isAnother(connection, this.#segment));
  }

  /**
   * A SYN with another number, in a connection that goes on. Anybody can forge one, and its receiver tells
   * which it is (RFC 5961 §4): another connection begins only when the SYN is answered by one.
   */
  #propose(old: Connection, packet: StreamPacket): StreamVerdict {
    const segment = this.#segment;
    segment.fromClient = true;
    const successor = old.successor = this.#table.make(segment, this.#account);
    if (!isSigned(segment)) return this.#synchronize(successor, packet);
    readSynchronize(successor, segment);
    return ACCEPT;
  }

  /** The connection that was proposed takes the place of the one that it was proposed to. */
  #succeed(old: Connection, now: number): Connection | undefined {
    const successor = old.successor!;
    this.#endFollowing(old, "replaced");
    this.#remove(old);
    this.#table.add(successor);
    this.#table.find(this.#segment);
    return this.#begin(successor, { now, pickedUp: false });
  }

  /** A connection that is not known; the verdict of its packet where it is not followed. */
  #meet(old: Connection | undefined, now: number): Connection | StreamVerdict {
    const segment = this.#segment;
    const { opens, flags, length } = segment;
    const picksUp = this.#settings.pickUp && length > 0 &&
      (flags & (FLAG.SYN | FLAG.RST | FLAG.FIN)) === 0 && (flags & FLAG.ACK) !== 0;
    if ((!opens && !picksUp) || !segment.sound) return ACCEPT;
    if (old !== undefined) {
      this.#endFollowing(old, "replaced");
      this.#remove(old);
    }
    this.#sweep(now);
    segment.fromClient = opens || isToLower(segment);
    const full = this.#table.size >= this.#settings.connections;
    if (full && this.#ended.first !== undefined) this.#remove(this.#ended.first);
    else if (full) {
      this.#limits.connections++;
      if (this.#limits.connections === 1) this.#tell("connections", "of a packet");
      return this.#settings.limitsThen === "reset" ? DROP : ACCEPT;
    }
    const connection = this.#table.make(segment, this.#account);
    this.#table.add(connection);
    return this.#begin(connection, { now, pickedUp: !opens }) ?? ACCEPT;
  }

  /** Asks about a new connection; undefined where it is not followed. */
  #begin(
    connection: Connection,
    { now, pickedUp }: { readonly now: number; readonly pickedUp: boolean },
  ): Connection | undefined {
    connection.seen = now;
    this.#active.push(connection);
    this.#ask(connection, pickedUp);
    return connection.list !== undefined ? connection : undefined;
  }

  /** Asks the program what to do with a new connection. */
  #ask(connection: Connection, pickedUp: boolean): void {
    const segment = this.#segment;
    connection.pickedUp = pickedUp;
    const handle = connection.handle = new TcpConnection(connection, {
      reset: (which) => this.#reset(which),
      pass: (which) => this.#pass(which),
    });
    connection.busy = true;
    let callbacks: ReturnType<typeof checkCallbacks<TcpStream>>;
    this.#calls.run(() => {
      callbacks = checkCallbacks<TcpStream>(this.#settings.connection(handle));
    });
    connection.busy = false;
    if (connection.wantsReset) return;
    if (callbacks === undefined || connection.wantsPass || isSigned(segment)) {
      connection.open = false;
      if (pickedUp) connection.transparent = true;
      else this.#remove(connection);
      return;
    }
    this.#followed++;
    const { fromClient, fromServer, end, readOnly = false, borrowed = false } = callbacks;
    connection.onEnd = end?.bind(callbacks);
    for (
      const [direction, callback] of [
        [connection.fromClient, fromClient],
        [connection.fromServer, fromServer],
      ] as const
    ) {
      direction.callback = callback?.bind(callbacks);
      direction.readOnly = readOnly;
      direction.borrowed = borrowed;
      direction.stream = new TcpStream(handle, direction.name);
    }
    if (pickedUp) this.#pickUp(connection);
  }

  /** Begins in the middle. */
  #pickUp(connection: Connection): void {
    const segment = this.#segment;
    const here = segment.fromClient ? connection.fromClient : connection.fromServer;
    const reverse = connection.reverse(here);
    here.start(segment.sequence);
    reverse.start(segment.acknowledgment);
    here.settled = reverse.settled = true;
  }

  #see(connection: Connection, packet: StreamPacket, now: number): void {
    connection.packet = packet;
    if (now - connection.seen < SECOND && connection.list !== undefined) return;
    connection.seen = now;
    (connection.list as SeenList).push(connection);
    this.#sweep(now);
  }

  #carry(connection: Connection, packet: StreamPacket, now: number): StreamVerdict {
    const segment = this.#segment;
    if (connection.transparent) return ACCEPT;
    const direction = segment.fromClient ? connection.fromClient : connection.fromServer;
    const reverse = connection.reverse(direction);
    const { flags } = segment;
    direction.behind ??= packet.hook === "input" || packet.hook === "postrouting";
    if (connection.dead) {
      if ((flags & FLAG.RST) !== 0) return DROP;
      // With the number that its sender waits for: another one would be answered (RFC 5961 §3.2).
      if ((flags & FLAG.ACK) !== 0) this.#own.resetAt(connection, reverse, segment.acknowledgment);
      else this.#own.resetEnd(connection, reverse);
      // The other end may not have got its own.
      if (segment.length > 0 || (flags & FLAG.FIN) !== 0) this.#own.resetEnd(connection, direction);
      return DROP;
    }
    // Its sender has reset it, and goes on: what is not seen any more does not go on.
    if (connection.resetBy === direction && (flags & (FLAG.RST | FLAG.SYN)) === 0) {
      return this.#kill(connection);
    }
    // Neither end takes it (RFC 5961 §4).
    if ((flags & FLAG.SYN) !== 0 && direction.settled && direction.initial !== segment.sequence) {
      return ACCEPT;
    }
    const at = timestampAt(segment);
    if (at >= 0) {
      direction.timestamps ||= (flags & FLAG.SYN) === 0;
      direction.timestamp = segment.view.getInt32(at, false);
    }
    if (connection.wantsReset) {
      if ((flags & FLAG.SYN) !== 0) readSynchronize(connection, segment);
      else if (connection.pickedUp) this.#pickUp(connection);
      return this.#kill(connection);
    }
    if (!reverse.started || (!direction.started && (flags & FLAG.SYN) === 0)) {
      if ((flags & (FLAG.SYN | FLAG.ACK)) === FLAG.SYN) {
        return this.#synchronize(connection, packet);
      }
      return this.#carryEarly(connection, direction);
    }
    const writer = this.#writer;
    writer.acknowledgment = segment.acknowledgment;
    writer.window = segment.window;
    const most = this.#settings.connectionBytes;
    if ((flags & FLAG.ACK) !== 0) {
      // A reset that refuses a SYN says nothing of its own number.
      acknowledge(segment, reverse, { fields: writer, most });
      if (distance(segment.acknowledgment, reverse.sent) <= 0) {
        const tells = (flags & (FLAG.RST | FLAG.SYN)) === 0;
        if (tells) direction.noteTold(writer.acknowledgment, writer.window);
      } else if (reverse.followed && (flags & FLAG.RST) === 0) {
        reverse.beyond = segment.acknowledgment;
        reverse.beyondKnown = true;
        if (reverse.gap) this.#leaveGap(connection, reverse);
      }
      if (distance(reverse.translation.outputEnd, reverse.sent) > 0) {
        writer.pump(connection, reverse);
      }
    }
    if ((flags & FLAG.SYN) !== 0) return this.#synchronize(connection, packet);
    if ((flags & FLAG.RST) !== 0) this.#takeReset(connection, direction);
    else if (direction.followed) this.#takeData(connection, direction, now);
    else planPassed(direction, segment, this.#plan);
    if (connection.wantsReset) return this.#kill(connection);
    if (connection.wantsPass) {
      connection.wantsPass = false;
      this.#endFollowing(connection, "passed");
      this.#assembly.extend(direction, this.#plan);
    }
    const plan = this.#plan;
    const verdict = writer.carry(connection, direction, { packet, segment, plan });
    this.#own.tellVanished(connection, direction);
    this.#pumpBoth(connection);
    this.#watchHeld(connection);
    if ((flags & FLAG.RST) === 0) this.#conclude(connection);
    return verdict;
  }

  /**
   * What comes before both ends have sent a SYN goes on untouched. The only SYN may be a late copy, or forged,
   * in a connection that nobody follows.
   */
  #carryEarly(connection: Connection, direction: Direction): StreamVerdict {
    const { flags, sequence, acknowledgment } = this.#segment;
    if ((flags & FLAG.RST) === 0) return ACCEPT;
    const ends = direction.started
      ? sequence === direction.next
      : (flags & FLAG.ACK) !== 0 && acknowledgment === connection.reverse(direction).next;
    if (!ends) return ACCEPT;
    this.#endFollowing(connection, "reset");
    connection.resetBy = direction;
    this.#linger(connection);
    return ACCEPT;
  }

  #synchronize(connection: Connection, packet: StreamPacket): StreamVerdict {
    const segment = this.#segment;
    readSynchronize(connection, segment);
    const direction = segment.fromClient ? connection.fromClient : connection.fromServer;
    const window = Math.min(segment.window, this.#settings.connectionBytes);
    // A late copy tells nothing.
    if (!direction.settled) {
      direction.told = (segment.flags & FLAG.ACK) !== 0;
      direction.acknowledgmentField = this.#writer.acknowledgment;
      direction.windowField = window;
      direction.windowOfSyn = true;
    }
    const reverse = connection.reverse(direction);
    if (reverse.started) {
      reverse.promised = later(reverse.promised, advance(reverse.initial, 1 + window));
      // What the receiver has room for until its first window that is shifted.
      const edge = advance(reverse.initial, 1 + segment.window);
      reverse.edge = reverse.edgeKnown ? later(reverse.edge, edge) : edge;
      reverse.edgeKnown = true;
    }
    return carrySynchronize(this.#writer, { segment, packet, window });
  }

  #takeData(connection: Connection, direction: Direction, now: number): void {
    const segment = this.#segment;
    const plan = this.#plan;
    const taken = this.#assembly.take(connection, direction, { segment, plan, now });
    if (connection.wantsReset) return;
    if (taken === "stored") {
      if (direction.gap) this.#leaveGap(connection, direction);
      else this.#own.acknowledgeStored(connection, direction, this.#segment.sequence);
      return;
    }
    const { bytes, holdThen, limitsThen } = this.#settings;
    const limit: StreamLimit | undefined = taken === "held"
      ? "hold"
      : taken === "limit"
      ? "connectionBytes"
      : this.#account.bytes > bytes
      ? "bytes"
      : undefined;
    if (limit === undefined) return;
    this.#reach(limit, connection);
    if ((limit === "hold" ? holdThen : limitsThen) === "reset") {
      connection.wantsReset = true;
      return;
    }
    const beyond = taken === "limit" && distance(segment.sequence, direction.next) > 0;
    this.#endFollowing(connection, "limit");
    if (beyond) plan.keep(direction.translation.toOutput(segment.sequence));
    else this.#assembly.extend(direction, plan);
  }

  /** Bytes went by that nobody has seen. Where numbers are shifted they had the wrong ones. */
  #leaveGap(connection: Connection, direction: Direction): void {
    this.#reach("gap", connection);
    const passes = direction.translation.same && this.#settings.limitsThen === "pass";
    if (passes) this.#endFollowing(connection, "limit");
    else connection.wantsReset = true;
  }

  /**
   * A reset ends the connection if its receiver takes it, which wants the very number that it waits for
   * (RFC 5961 §3). Whether it did is not known here: see `resetBy`.
   */
  #takeReset(connection: Connection, direction: Direction): void {
    const { sequence, flags } = this.#segment;
    const plan = this.#plan;
    const { acknowledgedInput, next, translation } = direction;
    // One without ACK answers a packet, with the number that this acknowledged (RFC 9293 §3.10.7.1).
    const answers = (flags & FLAG.ACK) === 0 && sequence === acknowledgedInput;
    if (!answers && sequence !== next && sequence !== acknowledgedInput) {
      plan.keep(translation.toOutput(sequence));
      return;
    }
    this.#endFollowing(connection, "reset");
    this.#pumpBoth(connection);
    connection.resetBy = direction;
    this.#linger(connection);
    plan.keep(answers || sequence !== next ? direction.acknowledgedOutput : direction.sent);
  }

  #pumpBoth(connection: Connection): void {
    for (const direction of [connection.fromClient, connection.fromServer]) {
      const { translation, sent, started } = direction;
      if (started && distance(translation.outputEnd, sent) > 0) {
        this.#writer.pump(connection, direction);
      }
    }
  }

  /** Ends what callbacks see of it. Numbers stay translated. */
  #endFollowing(connection: Connection, reason: EndReason): void {
    if (!connection.open) return;
    connection.open = false;
    this.#holding.delete(connection);
    for (const direction of [connection.fromClient, connection.fromServer]) {
      const asks = reason !== "passed" && reason !== "refused" && !direction.finMapped;
      if (direction.followed && asks) this.#assembly.last(connection, direction);
      if (reason === "refused") direction.free();
      else {
        this.#assembly.release(direction);
        this.#own.sendAhead(connection, direction);
        direction.leave();
      }
    }
    this.#reasons[reason]++;
    const { onEnd } = connection;
    connection.onEnd = undefined;
    if (onEnd !== undefined) this.#calls.run(() => onEnd(reason));
  }

  #reset(connection: Connection): void {
    if (connection.dead || connection.list === undefined) return;
    connection.wantsReset = true;
    if (!connection.busy) this.#kill(connection);
  }

  #pass(connection: Connection): void {
    if (!connection.open) return;
    if (connection.busy) {
      connection.wantsPass = true;
      return;
    }
    this.#endFollowing(connection, "passed");
    this.#pumpBoth(connection);
    this.#conclude(connection);
  }

  /** Resets both ends; its packets are dropped from now on. */
  #kill(connection: Connection): StreamVerdict {
    connection.dead = true;
    connection.wantsReset = false;
    this.#own.resetEnd(connection, connection.fromClient);
    this.#own.resetEnd(connection, connection.fromServer);
    if (connection.open) this.#endFollowing(connection, "refused");
    this.#linger(connection);
    return DROP;
  }

  /** Looks whether it has ended, or goes on untouched. */
  #conclude(connection: Connection): void {
    const { fromClient, fromServer } = connection;
    if (fromClient.over && fromServer.over) {
      this.#endFollowing(connection, "closed");
      this.#linger(connection);
      return;
    }
    if (connection.open || !connection.untouched) return;
    if (fromClient.started && !fromServer.started) return;
    fromClient.free();
    fromServer.free();
    if (this.#settings.pickUp) connection.transparent = true;
    else this.#remove(connection);
  }

  /** It has ended: it is kept as long as packets of it may come again that have to be translated. */
  #linger(connection: Connection): void {
    const { dead, resetBy, untouched } = connection;
    if (!dead && resetBy === undefined && untouched) {
      this.#remove(connection);
      return;
    }
    if (connection.list !== this.#ended && connection.list !== undefined) {
      this.#ended.push(connection);
    }
  }

  #remove(connection: Connection): void {
    this.#holding.delete(connection);
    connection.fromClient.free();
    connection.fromServer.free();
    (connection.list as SeenList | undefined)?.remove(connection);
    this.#table.remove(connection);
    connection.packet = undefined;
  }

  /** Forgets what has not been seen for long. */
  #sweep(now: number): void {
    if (now - this.#swept < SECOND) return;
    this.#swept = now;
    const lists = [[this.#active, this.#settings.idle], [this.#ended, LINGER]] as const;
    for (const [list, most] of lists) {
      for (let first = list.first; first !== undefined; first = list.first) {
        if (now - first.seen < most) break;
        this.#endFollowing(first, "idle");
        this.#pumpBoth(first);
        this.#remove(first);
      }
    }
  }

  #reach(limit: StreamLimit, connection: Connection): void {
    this.#limits[limit]++;
    const { client, server } = connection.handle!;
    this.#tell(limit, `${client.address} ${client.port} > ${server.address} ${server.port}`);
  }

  #tell(limit: StreamLimit, ends: string): void {
    this.#calls.run(() => this.dispatchEvent(new StreamLimitEvent(limit, ends)));
  }

  /** Lets held bytes go when their time is over. */
  #watchHeld(connection: Connection): void {
    const { fromClient, fromServer } = connection;
    if (fromClient.held.length === 0 && fromServer.held.length === 0) {
      if (this.#holding.size > 0) this.#holding.delete(connection);
      return;
    }
    this.#holding.add(connection);
    this.#timer ??= setTimeout(() => this.#letGo(), this.#settings.holdMilliseconds);
  }

  #letGo(): void {
    this.#timer = undefined;
    const now = performance.now();
    const { holdMilliseconds, holdThen } = this.#settings;
    let next = Infinity;
    for (const connection of [...this.#holding]) {
      for (const direction of [connection.fromClient, connection.fromServer]) {
        if (direction.held.length === 0) continue;
        const left = direction.heldSince + holdMilliseconds - now;
        if (left > 1) {
          next = Math.min(next, left);
          continue;
        }
        this.#reach("hold", connection);
        if (holdThen === "reset") this.#kill(connection);
        else {
          this.#endFollowing(connection, "limit");
          if (connection.wantsReset) this.#kill(connection);
          this.#pumpBoth(connection);
          this.#conclude(connection);
        }
        break;
      }
    }
    if (next < Infinity) this.#timer = setTimeout(() => this.#letGo(), next);
  }

  /** Throws what a callback threw; its connection was reset. */
  #throwOr(verdict: StreamVerdict, packet: StreamPacket): StreamVerdict {
    if (this.#calls.failures.length === 0) return verdict;
    if (verdict === DROP) packet.drop?.();
    this.#throwFailure();
    return verdict;
  }

  #throwFailure(): void {
    const { failures } = this.#calls;
    if (failures.length === 0) return;
    const [failure] = failures;
    failures.length = 0;
    throw failure;
  }
}

/** Whether a SYN is not that of the connection with the same addresses and ports. */
function isAnother(connection: Connection, { fromClient, sequence }: Segment): boolean {
  const direction = fromClient ? connection.fromClient : connection.fromServer;
  // Both ends may begin at once (RFC 9293 §3.5).
  return direction.started && direction.initial !== sequence;
}

/** Whether a segment goes to the lower port, which is the server's in most connections. */
function isToLower({ view, tcp }: Segment): boolean {
  return view.getUint16(tcp + 2, false) <= view.getUint16(tcp, false);
}
