/**
 * Addresses of netlink(7) sockets.
 *
 * @module
 */

export const AF_NETLINK = 16;
/** struct sockaddr_nl: family, padding, port id, groups. */
const SOCKADDR_NL = { size: 12, portId: 4, groups: 8 } as const;

/** An address of the kernel's (port 0), or where one is written to. */
export class NetlinkAddress {
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(SOCKADDR_NL.size));
  readonly #view = new DataView(this.bytes.buffer);

  /** @param groups a bit for each group of messages to hear */
  constructor(groups: number = 0) {
    this.#view.setUint16(0, AF_NETLINK, true);
    this.#view.setUint32(SOCKADDR_NL.groups, groups, true);
  }

  get family(): number {
    return this.#view.getUint16(0, true);
  }

  get portId(): number {
    return this.#view.getUint32(SOCKADDR_NL.portId, true);
  }
}
