/**
 * TCP connections through a queue, as streams of bytes.
 *
 * Longer than 400 lines: one packet's way through a connection, from the look-up to its verdict.
 *
 * @module
 */

import { ACCEPT, DROP, type StreamPacket, type StreamVerdict } from "../packet.ts";
import { acknowledge, ownWindow } from "./acknowledgment.ts";
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
import { PacketWriter } from "./packet_writer.ts";
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
    if (this.#closed || !segment.read(packet)) return ACCEPT;
    let connection = this.#table.find(segment);
    if (connection !== undefined && connection.transparent && !segment.opens) return ACCEPT;
    const now = performance.now();
    segment.gso = packet.gso;
    segment.unfinished = packet.checksumNotReady;
    if (connection === undefined || (segment.opens && this.#isAnother(connection))) {
      connection = this.#meet(connection, now);
      if (connection === undefined) return this.#throwOr(ACCEPT, packet);
    }
    if (packet.truncated || !segment.sound) return ACCEPT;
    this.#see(connection, packet, now);
    const verdict = this.#carry(connection, packet, now);
    return this.#throwOr(verdict, packet);
  }

  /** Whether a SYN begins another connection than the one with the same addresses and ports. */
  #isAnother(connection: Connection): boolean {
    const { sequence, fromClient } = this.#segment;
    const { fromClient: direction, dead } = connection;
    return !fromClient || dead || connection.transparent || direction.initial !== sequence;
  }

  /** A connection that is not known: whether it is to be followed. */
  #meet(old: Connection | undefined, now: number): Connection | undefined {
    const segment = this.#segment;
    const { opens, flags, length } = segment;
    const picksUp = this.#settings.pickUp && length > 0 &&
      (flags & (FLAG.SYN | FLAG.RST | FLAG.FIN)) === 0 && (flags & FLAG.ACK) !== 0;
    if (!opens && !picksUp) return undefined;
    if (!segment.sound) return undefined;
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
      return undefined;
    }
    const connection = this.#table.add(segment, this.#account);
    connection.seen = now;
    this.#active.push(connection);
    this.#ask(connection, !opens);
    return this.#table.size > 0 && connection.list !== undefined ? connection : undefined;
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
    if (!pickedUp) return;
    const here = segment.fromClient ? connection.fromClient : connection.fromServer;
    here.start(segment.sequence);
    connection.reverse(here).start(segment.acknowledgment);
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
    if (connection.dead) {
      // With the number that its sender waits for: another one would be answered (RFC 5961 §3.2).
      const sequence = (flags & FLAG.ACK) === 0 ? reverse.sent : segment.acknowledgment;
      if ((flags & FLAG.RST) === 0) this.#resetEnd(connection, reverse, sequence);
      return DROP;
    }
    const at = timestampAt(segment);
    if (at >= 0) {
      direction.timestamps = true;
      direction.timestamp = segment.view.getInt32(at, false);
    }
    if (connection.wantsReset) {
      readSynchronize(connection, segment);
      return this.#kill(connection);
    }
    const writer = this.#writer;
    writer.acknowledgment = segment.acknowledgment;
    writer.window = segment.window;
    const most = this.#settings.connectionBytes;
    if ((flags & FLAG.ACK) !== 0) {
      // A reset that refuses a SYN says nothing of its own number.
      acknowledge(segment, reverse, { fields: writer, most });
      if (distance(reverse.translation.outputEnd, reverse.sent) > 0) {
        writer.pump(connection, reverse);
      }
    }
    if ((flags & FLAG.SYN) !== 0) return this.#synchronize(connection, packet);
    if (!direction.started) {
      if ((flags & FLAG.RST) === 0) direction.start(segment.sequence);
      else if (segment.acknowledgment === reverse.next) {
        this.#endFollowing(connection, "reset");
        this.#linger(connection);
        return ACCEPT;
      } else return ACCEPT;
    }
    if ((flags & FLAG.RST) !== 0) this.#takeReset(connection, direction);
    else if (direction.followed) this.#takeData(connection, direction, now);
    else this.#planPassed(direction);
    if (connection.wantsReset) return this.#kill(connection);
    if (connection.wantsPass) {
      connection.wantsPass = false;
      this.#endFollowing(connection, "passed");
      this.#assembly.extend(direction, this.#plan);
    }
    const plan = this.#plan;
    const verdict = writer.carry(connection, direction, { packet, segment, plan });
    this.#tellVanished(connection, direction);
    this.#pumpBoth(connection);
    this.#watchHeld(connection);
    if ((flags & FLAG.RST) === 0) this.#conclude(connection);
    return verdict;
  }

  #synchronize(connection: Connection, packet: StreamPacket): StreamVerdict {
    const segment = this.#segment;
    readSynchronize(connection, segment);
    const direction = segment.fromClient ? connection.fromClient : connection.fromServer;
    direction.acknowledgmentField = this.#writer.acknowledgment;
    const window = Math.min(segment.window, this.#settings.connectionBytes);
    direction.windowField = window;
    direction.windowOfSyn = true;
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
      this.#acknowledgeStored(connection, direction);
      return;
    }
    const { bytes, holdThen } = this.#settings;
    const limit: StreamLimit | undefined = taken === "held"
      ? "hold"
      : taken === "limit"
      ? "connectionBytes"
      : this.#account.bytes > bytes
      ? "bytes"
      : undefined;
    if (limit === undefined) return;
    this.#reach(limit, connection);
    if (limit === "hold" && holdThen === "reset") {
      connection.wantsReset = true;
      return;
    }
    const beyond = taken === "limit" && distance(segment.sequence, direction.next) > 0;
    this.#endFollowing(connection, "limit");
    if (beyond) plan.keep(direction.translation.toOutput(segment.sequence));
    else this.#assembly.extend(direction, plan);
  }

  /** Data of a direction that no callback sees. */
  #planPassed(direction: Direction): void {
    const segment = this.#segment;
    const { translation, dataEnd, acknowledgedOutput } = direction;
    const { sequence, length, flags, bytes, data, end: stop } = segment;
    const plan = this.#plan;
    const end = advance(sequence, length);
    if ((flags & FLAG.FIN) !== 0) {
      direction.finSeen = true;
      direction.finAt = end;
      direction.next = later(direction.next, advance(end, 1));
    } else direction.next = later(direction.next, end);
    let output = translation.toOutput(sequence);
    // What was not sent yet is not there for the receiver.
    if (length === 0 && direction.pending && distance(output, direction.sent) > 0) {
      output = direction.sent;
    }
    const passed = translation.inputEnd;
    const fin = (flags & FLAG.FIN) !== 0;
    const ends = advance(end, Number(fin));
    const old = ends !== sequence && distance(passed, sequence) > 0;
    const arrived = distance(translation.outputEnd, acknowledgedOutput) <= 0;
    if (!old || (arrived && direction.original)) {
      const room = distance(direction.edge, output);
      if (direction.fits(advance(output, length + Number(fin))) || room <= 0) {
        plan.keep(output);
        return;
      }
      plan.replace(output, output);
      plan.tail = bytes;
      plan.tailFrom = data;
      plan.tailTo = data + Math.min(length, room);
      plan.fin = fin && length < room;
      return;
    }
    const inside = distance(ends, passed) <= 0;
    if (arrived && inside) {
      plan.ask(acknowledgedOutput);
      return;
    }
    const from = later(output, acknowledgedOutput);
    const to = distance(ends, passed) < 0 ? translation.toOutputEnd(end) : dataEnd;
    // What has arrived of the bytes that were passed is left out as well.
    const tail = Math.max(distance(from, translation.outputEnd), 0);
    if (!inside && tail > distance(ends, passed) - Number(fin)) {
      plan.ask(acknowledgedOutput);
      return;
    }
    plan.replace(from, distance(to, from) < 0 ? from : to);
    plan.tail = bytes;
    plan.tailFrom = inside ? stop : data + distance(passed, sequence) + tail;
    plan.tailTo = stop;
    plan.fin = fin;
  }

  /** A reset ends the connection if its receiver may take it (RFC 9293 §3.10.7.4, RFC 5961 §3). */
  #takeReset(connection: Connection, direction: Direction): void {
    const { sequence } = this.#segment;
    const plan = this.#plan;
    const { acknowledgedInput, next, translation } = direction;
    const valid = distance(sequence, acknowledgedInput) >= 0 && distance(sequence, next) <= 0;
    if (valid) {
      this.#endFollowing(connection, "reset");
      this.#pumpBoth(connection);
      this.#linger(connection);
    }
    plan.keep(translation.toOutput(sequence));
  }

  /** Acknowledges to the sender what its receiver never sees. */
  #tellVanished(connection: Connection, direction: Direction): void {
    const { translation, acknowledgedOutput } = direction;
    if (translation.same && translation.pieces < 2) return;
    translation.acknowledge(acknowledgedOutput);
    const input = translation.toInput(acknowledgedOutput);
    if (distance(input, direction.acknowledgedInput) <= 0) return;
    if (distance(input, direction.next) > 0) return;
    direction.acknowledgedInput = input;
    const reverse = connection.reverse(direction);
    this.#writer.bare(connection, reverse, {
      ...{ sequence: reverse.sent, flags: FLAG.ACK, acknowledgment: input },
      window: ownWindow(direction, input),
    });
    reverse.acknowledgmentField = input;
  }

  /** Tells the sender what is missing, and what is stored (RFC 2018). */
  #acknowledgeStored(connection: Connection, direction: Direction): void {
    const reverse = connection.reverse(direction);
    const { sequence } = this.#segment;
    const blocks: [number, number][] = [];
    for (const { start, bytes } of direction.ahead.stretches) {
      const end = advance(start, bytes.length);
      const last = blocks.at(-1);
      if (last !== undefined && last[1] === start) last[1] = end;
      else blocks.push([start, end]);
    }
    // The newest comes first.
    const newest = blocks.findIndex(([left, right]) =>
      distance(sequence, left) >= 0 && distance(sequence, right) < 0
    );
    if (newest > 0) blocks.unshift(...blocks.splice(newest, 1));
    const { acknowledgedInput: acknowledgment } = direction;
    this.#writer.bare(connection, reverse, {
      ...{ sequence: reverse.sent, flags: FLAG.ACK, acknowledgment },
      window: ownWindow(direction, acknowledgment),
      ...(direction.sackPermitted ? { blocks } : {}),
    });
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
        this.#sendAhead(connection, direction);
        direction.leave();
      }
    }
    this.#reasons[reason]++;
    const { onEnd } = connection;
    connection.onEnd = undefined;
    if (onEnd !== undefined) this.#calls.run(() => onEnd(reason));
  }

  /** What is stored out of order goes on: the sender was told that it is here. */
  #sendAhead(connection: Connection, direction: Direction): void {
    const { ahead, translation, readOnly } = direction;
    if (readOnly || ahead.bytes === 0) return;
    const most = Math.max(direction.segmentSize, 536) - 12;
    for (const { start, bytes } of ahead.stretches) {
      for (let at = 0; at < bytes.length; at += most) {
        const data = bytes.subarray(at, at + most);
        const sequence = translation.toOutput(advance(start, at));
        this.#writer.bare(connection, direction, { sequence, flags: FLAG.ACK, data });
      }
    }
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
    this.#resetEnd(connection, connection.fromClient);
    this.#resetEnd(connection, connection.fromServer);
    if (connection.open) this.#endFollowing(connection, "refused");
    this.#linger(connection);
    return DROP;
  }

  /** Sends a reset in a direction. */
  #resetEnd(connection: Connection, direction: Direction, sequence = direction.sent): void {
    const reverse = connection.reverse(direction);
    // The server has not answered yet: it knows of nothing, or its answer is still to come.
    if (!direction.started && direction === connection.fromClient) return;
    if (!reverse.started && direction === connection.fromClient) return;
    this.#writer.bare(connection, direction, {
      sequence: direction.started ? sequence : 0,
      flags: FLAG.RST | FLAG.ACK,
      acknowledgment: reverse.followed || reverse.started ? reverse.next : 0,
      window: 0,
    });
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
    if (!connection.dead && connection.untouched) {
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

/** Whether a segment goes to the lower port, which is the server's in most connections. */
function isToLower({ view, tcp }: Segment): boolean {
  return view.getUint16(tcp + 2, false) <= view.getUint16(tcp, false);
}
