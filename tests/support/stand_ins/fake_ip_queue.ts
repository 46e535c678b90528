/**
 * A stand-in for the kernel's side of ip_queue, for the real libipq.so.0: C that is preloaded into a
 * child (fake_ip_queue/), and the child's handle on it. The child is a fixture that runs under the
 * same runtime as the test.
 *
 *     // the test
 *     await using child = new Child(script, { environment: fakeIpQueueEnvironment() });
 *     // the fixture
 *     const kernel = FakeIpQueue.open();
 *     const id = kernel.queuePacket(payload, { hook: 3, outDevice: "lo" });
 *
 * @module
 */

import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { backend } from "../../../ffi/backend.ts";
import type { NativeFunctions, SymbolTable } from "../../../ffi/types.ts";
import { command } from "../runtime/command.ts";
import { libipqPath } from "../ipq/libipq.ts";

const sources = fileURLToPath(new URL("fake_ip_queue/", import.meta.url));
let compiled: string | undefined;

/** Compiles the stand-in, once a run of scripts/test, and gives its path. */
export function fakeIpQueueLibrary(): string {
  return compiled ??= compile();
}

function compile(): string {
  const files = readdirSync(sources).sort().map((name) => join(sources, name));
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file));
  const folder = process.env["NFQUEUE_SCRATCH"] ?? mkdtempSync(join(tmpdir(), "nfqueue-fake-"));
  if (folder !== process.env["NFQUEUE_SCRATCH"]) {
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  }
  const path = join(folder, `fake_ip_queue-${hash.digest("hex").slice(0, 16)}.so`);
  if (existsSync(path)) return path;
  // Test files run side by side: whoever comes last replaces the file by its equal.
  const draft = `${path}.${process.pid}.${Math.random()}`;
  command("cc", [
    ...["-std=gnu11", "-O2", "-Wall", "-Wextra", "-fno-builtin", "-fvisibility=hidden"],
    ...["-shared", "-fPIC", "-pthread", "-o", draft],
    ...[...files.filter((file) => file.endsWith(".c")), "-ldl"],
  ]);
  renameSync(draft, path);
  return path;
}

/** The environment of a child in which the real libipq.so.0 talks to the stand-in. */
export function fakeIpQueueEnvironment(): Readonly<Record<string, string>> {
  const library = fakeIpQueueLibrary();
  return {
    LD_PRELOAD: library,
    NFQUEUE_FAKE_IP_QUEUE: library,
    NFQUEUE_LIBIPQ: libipqPath,
  };
}

/** NFPROTO_IPV4 or NFPROTO_IPV6. */
export type FakeFamily = 2 | 10;

/** Which of the two queues; IPv4's if left out. */
export interface FamilyOptions {
  readonly family?: FakeFamily;
}

/** A packet's metadata; what is left out is 0 or empty, as in a message from OUTPUT. */
export interface FakePacketOptions extends FamilyOptions {
  /** An id of the test's own; else a free kernel address, the lowest, so ids come again. */
  readonly id?: bigint;
  readonly mark?: bigint;
  readonly seconds?: bigint;
  readonly microseconds?: bigint;
  /** 0 PREROUTING … 4 POSTROUTING. */
  readonly hook?: number;
  readonly inDevice?: string;
  readonly outDevice?: string;
  /** Ethertype, host order: 0x0800. */
  readonly hardwareProtocol?: number;
  /** ARPHRD_*: 772 is loopback. */
  readonly hardwareType?: number;
  readonly hardwareAddress?: readonly number[];
}

/** What became of a packet. */
export interface PacketFate {
  /** `flushed`: dropped because the program's socket was closed. */
  readonly state: "unknown" | "queued" | "decided" | "flushed";
  /** The verdict of a decided packet. */
  readonly verdict?: number;
  /** The payload that came with the verdict, if the kernel took it. */
  readonly replacement?: Uint8Array;
}

/** The state of one queue. */
export interface FakeQueueState {
  /** Packets that wait for a verdict. */
  readonly length: number;
  /** Packets dropped because nobody took them, since the start. */
  readonly dropped: number;
  /** Port (process id) of the program that owns the queue; 0: nobody has asked for anything yet. */
  readonly peer: number;
  readonly mode: number;
  readonly range: number;
  /** Sockets of this protocol that are open, in whatever process. */
  readonly sockets: number;
}

/** What can be made to fail; the order is the C code's. */
const FAULTS = [
  "socket",
  "bind",
  "send",
  /** The same, on the NETLINK_NETFILTER sockets of libnetfilter_queue. */
  "send-netfilter",
  "select",
  /** No call fails, but every request is answered with the error: EPERM, EBUSY. */
  "answer",
  /** libipq finds no memory for a handle. */
  "allocation",
] as const;

/** What can be made to fail. */
export type FakeFault = typeof FAULTS[number];

/** How a call fails. */
export interface FaultOptions {
  readonly errno: number;
  /** How many calls; 1 if left out, `Infinity` until {@link FakeIpQueue.heal}. */
  readonly times?: number;
}

/** The sender that a receive reports; the kernel's if left out. */
export interface SenderOptions extends FamilyOptions {
  /** nl_pid: 0 is the kernel. */
  readonly port?: number;
  /** 16 is AF_NETLINK. */
  readonly addressFamily?: number;
  /** 12 is right. */
  readonly addressLength?: number;
}

const symbols = {
  fake_ip_queue_active: { parameters: [], result: "i32" },
  fake_ip_queue_fault: { parameters: ["u32", "i32", "i32"], result: "void" },
  fake_ip_queue_packet: {
    parameters: ["u32", "buffer", "buffer", "u32", "buffer"],
    result: "i32",
  },
  fake_ip_queue_fate: { parameters: ["u32", "buffer", "buffer", "buffer", "u32"], result: "i32" },
  fake_ip_queue_state: { parameters: ["u32", "u32"], result: "u32" },
  fake_ip_queue_sent: { parameters: ["u32", "buffer", "u32"], result: "u32" },
  fake_ip_queue_deliver: {
    parameters: ["u32", "buffer", "u32", "u32", "u32", "u32", "i32"],
    result: "i32",
  },
} as const satisfies SymbolTable;

const MAXIMUM_PAYLOAD = 65536;
const METADATA_SIZE = 88;

/** Memory for C that Bun does not move. */
function memory(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(size));
}

/** A copy for C, never empty: runtimes pass odd pointers for empty buffers. */
function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = memory(Math.max(bytes.length, 1));
  copy.set(bytes);
  return copy;
}

/** The stand-in as the child that it is preloaded into sees it. */
export class FakeIpQueue {
  readonly #calls: NativeFunctions<typeof symbols>;

  private constructor(calls: NativeFunctions<typeof symbols>) {
    this.#calls = calls;
  }

  /** @throws {Error} in a process without {@link fakeIpQueueEnvironment} */
  static open(): FakeIpQueue {
    const path = process.env["NFQUEUE_FAKE_IP_QUEUE"];
    if (!path) throw new Error("this process was started without fakeIpQueueEnvironment()");
    const calls = backend().open(path, symbols);
    if (calls.fake_ip_queue_active() === 0) throw new Error(`${path} is not preloaded`);
    return new FakeIpQueue(calls);
  }

  /**
   * Queues a packet as if a rule had matched it.
   *
   * @returns its id, or null where the kernel drops it: no mode set, 1024 wait, or the socket's
   *   buffer is full (the next receive then fails with ENOBUFS)
   */
  queuePacket(payload: Uint8Array, options: FakePacketOptions = {}): bigint | null {
    if (payload.length > MAXIMUM_PAYLOAD) throw new RangeError("no packet is that long");
    const id = memory(8);
    const result = this.#calls.fake_ip_queue_packet(
      options.family ?? 2,
      metadataOf(options),
      copyOf(payload),
      payload.length,
      id,
    );
    return result === 0 ? new DataView(id.buffer).getBigUint64(0, true) : null;
  }

  /** What became of the last packet with this id. */
  fate(id: bigint, options: FamilyOptions = {}): PacketFate {
    const key = memory(8);
    new DataView(key.buffer).setBigUint64(0, id, true);
    const result = memory(8);
    const bytes = memory(MAXIMUM_PAYLOAD);
    const family = options.family ?? 2;
    const fate = this.#calls.fake_ip_queue_fate(family, key, result, bytes, MAXIMUM_PAYLOAD);
    const state = (["unknown", "queued", "decided", "flushed"] as const)[fate] ?? "unknown";
    if (state !== "decided") return { state };
    const view = new DataView(result.buffer);
    const length = view.getUint32(4, true);
    return {
      state,
      verdict: view.getUint32(0, true),
      ...(length === 0 ? {} : { replacement: bytes.slice(0, length) }),
    };
  }

  /** How one of the queues stands. */
  state(family: FakeFamily = 2): FakeQueueState {
    const read = (which: number) => this.#calls.fake_ip_queue_state(family, which);
    return {
      length: read(0),
      dropped: read(1),
      peer: read(2),
      mode: read(3),
      range: read(4),
      sockets: read(5),
    };
  }

  /** The last message that the program sent, its first 256 bytes, and its whole length. */
  lastRequest(family: FakeFamily = 2): { readonly length: number; readonly bytes: Uint8Array } {
    const bytes = memory(256);
    const length = this.#calls.fake_ip_queue_sent(family, bytes, bytes.length);
    return { length, bytes: bytes.slice(0, length) };
  }

  /** Makes the next call, or the next few, fail. */
  fail(what: FakeFault, options: FaultOptions): void {
    const times = options.times ?? 1;
    this.#calls.fake_ip_queue_fault(
      FAULTS.indexOf(what),
      options.errno,
      times === Infinity ? -1 : times,
    );
  }

  /** Ends a fault that was to last; all of them without a name. */
  heal(what?: FakeFault): void {
    for (const each of what === undefined ? FAULTS : [what]) {
      this.fail(each, { errno: 0, times: 0 });
    }
  }

  /** A message in the program's socket that no ip_queue would send, or from another sender. */
  deliver(bytes: Uint8Array, sender: SenderOptions = {}): void {
    this.#deliver(copyOf(bytes), { ...sender, length: bytes.length, errno: 0 });
  }

  /** A receive that gives 0 bytes. */
  deliverEnd(options: FamilyOptions = {}): void {
    this.deliver(new Uint8Array(0), options);
  }

  /** Makes the socket readable; the receive then fails: ENOBUFS, EINTR. */
  failReceive(errno: number, options: FamilyOptions = {}): void {
    this.#deliver(memory(1), { ...options, length: 0, errno });
  }

  #deliver(
    bytes: Uint8Array<ArrayBuffer>,
    options: SenderOptions & { readonly length: number; readonly errno: number },
  ): void {
    const result = this.#calls.fake_ip_queue_deliver(
      options.family ?? 2,
      bytes,
      options.length,
      options.port ?? 0,
      options.addressFamily ?? 16,
      options.addressLength ?? 12,
      options.errno,
    );
    if (result !== 0) throw new Error(`nothing could be delivered: errno ${-result}`);
  }
}

/** The bytes of `struct metadata` (fake_ip_queue/fake.h). */
function metadataOf(options: FakePacketOptions): Uint8Array<ArrayBuffer> {
  const bytes = memory(METADATA_SIZE);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, options.id ?? 0n, true);
  view.setBigUint64(8, options.mark ?? 0n, true);
  view.setBigInt64(16, options.seconds ?? 0n, true);
  view.setBigInt64(24, options.microseconds ?? 0n, true);
  view.setUint32(32, options.hook ?? 0, true);
  view.setUint16(36, options.hardwareProtocol ?? 0, true);
  view.setUint16(38, options.hardwareType ?? 0, true);
  const names = new TextEncoder();
  bytes.set(names.encode(options.inDevice ?? "").subarray(0, 15), 40);
  bytes.set(names.encode(options.outDevice ?? "").subarray(0, 15), 56);
  bytes[72] = options.hardwareAddress?.length ?? 0;
  bytes.set(options.hardwareAddress?.slice(0, 8) ?? [], 73);
  return bytes;
}
