/**
 * Turns an NFQUEUE packet message into the ip_queue message that the kernel sent before 3.5.
 *
 * @module
 */

import { type Device, deviceOf, type RawDevice, rawDeviceOf } from "../linux/devices.ts";
import { IpqPacketHeader } from "../netlink/ip_queue/header.ts";
import { IPQ_COPY, IPQ_MAX_RANGE, IPQ_NAME_SIZE } from "../netlink/ip_queue/messages.ts";
import { MAX_COPY_RANGE, NFQA } from "../netlink/queue/numbers.ts";
import type { PacketMessage } from "../nfqueue/packet_message.ts";
import { readMicroseconds } from "../netlink/queue/attributes.ts";

const LOCAL_OUT = 3;

/** How much of each packet a handle wants. */
export interface CopyMode {
  readonly mode: number;
  /** Bytes; 0 is everything. */
  readonly range: number;
}

interface KnownDevice {
  readonly device: Device;
  readonly raw: RawDevice;
}

const NO_DEVICE: RawDevice = { name: new Uint8Array(IPQ_NAME_SIZE), hardwareType: 0 };
const NO_BYTES = new Uint8Array(new ArrayBuffer(0));
const MOST_DEVICES = 1024;

/** Writes one message after the other. */
export class PacketWriter {
  readonly #header = new IpqPacketHeader();
  readonly #devices = new Map<number, KnownDevice>();
  /** Any socket: the system asks for one to look at interfaces through. */
  readonly #socket: number;
  /** The devices whose fields the header has. */
  readonly #input = { index: 0, fresh: true };
  readonly #output = { index: 0, fresh: true };
  #hasAddress = false;
  #payload: Uint8Array = NO_BYTES;
  #length = 0;
  #cut = false;

  constructor(socket: number) {
    this.#socket = socket;
  }

  /** A copy of what there is of the packet taken last, where NFQUEUE carries less than was wanted. */
  get cutPayload(): Uint8Array | undefined {
    return this.#cut ? this.#payload.slice() : undefined;
  }

  /** Takes a packet; gives the length of its ip_queue message, padding included. */
  prepare(message: PacketMessage, copy: CopyMode): number {
    const { view, hook } = message;
    const header = this.#header;
    header.setPacketId(message.id);
    header.setHook(hook);
    header.setMark(message.u32(NFQA.MARK) ?? 0);
    const time = message.offset(NFQA.TIMESTAMP);
    if (time === 0) header.setTimestamp(0, 0);
    else {
      const microseconds = readMicroseconds(view, time);
      const seconds = Math.floor(microseconds / 1e6);
      header.setTimestamp(seconds, microseconds - seconds * 1e6);
    }
    // Where a packet of this machine leaves it, ip_queue's kernels had not set the protocol yet.
    header.setHwProtocol(hook === LOCAL_OUT ? 0 : message.etherType);
    this.#setDevices(message);
    const payload = this.#payload = payloadOf(message, copy);
    this.#cut = payload.length === MAX_COPY_RANGE && copy.range !== MAX_COPY_RANGE &&
      statedLength(payload) > MAX_COPY_RANGE;
    return this.#length = header.setDataLength(this.#payload.length);
  }

  /** Writes the message of the packet taken last, or as much of it as there is room for. */
  write(to: Uint8Array): void {
    const header = this.#header.bytes;
    const payload = this.#payload;
    if (to.length < this.#length) {
      const whole = new Uint8Array(this.#length);
      this.write(whole);
      to.set(whole.subarray(0, to.length));
      return;
    }
    to.set(header);
    to.set(payload, header.length);
    for (let at = header.length + payload.length; at < this.#length; at++) to[at] = 0;
  }

  /** Names may have changed; looked at once for all packets of a receive. */
  renewDevices(): void {
    this.#input.fresh = this.#output.fresh = false;
  }

  #setDevices(message: PacketMessage): void {
    const header = this.#header;
    const { view } = message;
    const input = message.u32(NFQA.IFINDEX_INDEV) ?? 0;
    if (this.#hasChanged(this.#input, input)) {
      const { name, hardwareType } = this.#device(input);
      header.setIndevName(name);
      header.setHwType(hardwareType);
    }
    const output = message.u32(NFQA.IFINDEX_OUTDEV) ?? 0;
    if (this.#hasChanged(this.#output, output)) {
      header.setOutdevName(this.#device(output).name);
    }
    const address = message.offset(NFQA.HWADDR);
    if (address !== 0) {
      header.setHwAddress(view, address + 4, view.getUint16(address, false));
      this.#hasAddress = true;
    } else if (this.#hasAddress) {
      header.setHwAddress(view, 0, 0);
      this.#hasAddress = false;
    }
  }

  /** Whether the header's fields are another device's, or may be out of date. */
  #hasChanged(last: { index: number; fresh: boolean }, index: number): boolean {
    if (last.index === index && last.fresh) return false;
    last.index = index;
    return last.fresh = true;
  }

  #device(index: number): RawDevice {
    const device = deviceOf(index);
    if (device === undefined) return NO_DEVICE;
    const known = this.#devices.get(index);
    // The same object as long as its name is trusted.
    if (known?.device === device) return known.raw;
    const raw = rawDeviceOf(index, this.#socket);
    if (this.#devices.size >= MOST_DEVICES) this.#devices.clear();
    this.#devices.set(index, { device, raw });
    return raw;
  }
}

function payloadOf(message: PacketMessage, copy: CopyMode): Uint8Array {
  const start = message.offset(NFQA.PAYLOAD);
  if (start === 0 || copy.mode !== IPQ_COPY.PACKET) return NO_BYTES;
  // v4 and v6 handles share the queue's range: this one may have asked for less.
  const range = copy.range === 0 ? IPQ_MAX_RANGE : copy.range;
  const length = Math.min(message.length(NFQA.PAYLOAD), range);
  return message.bytes.subarray(start, start + length);
}

/** How long an IP packet is by its own header (bytes); a jumbogram does not say. */
export function statedLength(packet: Uint8Array): number {
  const isIpv6 = packet[0]! >> 4 === 6;
  const at = isIpv6 ? 4 : 2;
  return (packet[at]! << 8 | packet[at + 1]!) + (isIpv6 ? 40 : 0);
}
