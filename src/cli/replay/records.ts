// The packets of a recording, and what it tells of their fate.
import { createReadStream, statSync } from "node:fs";
import {
  type CapturedPacket,
  CaptureError,
  CaptureReader,
  LINK_TYPE,
  networkLayerOf,
} from "../../capture/mod.ts";
import { ETHERTYPE } from "../../packet/structure/protocols.ts";
import { fileProblem } from "../output/file_writer.ts";

/** A packet as it can be given to a filter. */
export interface RecordedPacket {
  /** Its number in the file, the first is 1: as other programs count. */
  readonly number: number;
  readonly record: CapturedPacket;
  /** From the network header on, without what Ethernet adds to short packets. */
  readonly payload: Uint8Array;
  /** Bytes of the whole packet from the network header on. */
  readonly length: number;
}

/** What must be known before the first packet. */
export interface Survey {
  /** Numbers of queues, in order. */
  readonly queues: readonly number[];
  /** By id, the bytes of those that were changed, from the network header on. */
  readonly changed: ReadonlyMap<number, Uint8Array>;
}

/** Reads every record of a file. Another one of the same id is the packet as it was changed. */
async function* recordsOf(
  path: string,
): AsyncGenerator<{ number: number; record: CapturedPacket; again: boolean }, void> {
  const reader = new CaptureReader();
  const seen = new Set<number>();
  let number = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
    for (const record of reader.read(new Uint8Array(chunk))) {
      number++;
      const again = record.id !== undefined && seen.has(record.id);
      if (record.id !== undefined) seen.add(record.id);
      yield { number, record, again };
    }
  }
  reader.end();
}

/** Looks through a file. Where it is broken is told when it is read again. */
export async function survey(path: string): Promise<Survey> {
  const queues = new Set<number>();
  const changed = new Map<number, Uint8Array>();
  try {
    const file = statSync(path);
    if (!file.isFile() && !file.isDirectory()) {
      throw new Error("it is read twice, so it must be a file");
    }
    for await (const { record, again } of recordsOf(path)) {
      if (record.queue !== undefined && record.queue <= 0xffff) queues.add(record.queue);
      const payload = again ? networkBytes(record) : undefined;
      if (payload !== undefined) changed.set(record.id!, payload);
    }
  } catch (error) {
    if (!(error instanceof CaptureError)) throw described(path, error);
  }
  return { queues: [...queues].sort((one, other) => one - other), changed };
}

/**
 * The packets of a file, each once.
 *
 * @returns a number in the place of one that is neither IPv4 nor IPv6
 * @throws {Error} naming the file, after all packets that are whole
 */
export async function* packetsOf(path: string): AsyncGenerator<RecordedPacket | number, void> {
  try {
    for await (const { number, record, again } of recordsOf(path)) {
      if (again) continue;
      const payload = networkBytes(record);
      if (payload === undefined) {
        yield number;
        continue;
      }
      const missing = Math.max(0, (record.length ?? 0) - record.bytes.length);
      yield { number, record, payload, length: payload.length + missing };
    }
  } catch (error) {
    throw described(path, error);
  }
}

function described(path: string, error: unknown): Error {
  const name = JSON.stringify(path);
  if (error instanceof CaptureError) return new Error(`${name}: ${error.message}`);
  return new Error(`${name} cannot be read: ${fileProblem(error, "read")}`, { cause: error });
}

function networkBytes({ bytes, interface: source }: CapturedPacket): Uint8Array | undefined {
  const network = networkLayerOf(bytes, source?.linkType ?? LINK_TYPE.RAW);
  if (network === undefined) return undefined;
  const payload = bytes.subarray(network.offset);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  let length: number;
  if (network.etherType === ETHERTYPE.IPV4 && payload.length >= 20) length = view.getUint16(2);
  else if (network.etherType === ETHERTYPE.IPV6 && payload.length >= 40) {
    length = 40 + view.getUint16(4);
  } else return undefined;
  // Large packets have no length there: 0, or that of the header.
  const told = length > 40 || (network.etherType === ETHERTYPE.IPV4 && length >= 20);
  return told && length < payload.length ? payload.subarray(0, length) : payload;
}
