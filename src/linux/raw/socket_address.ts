/**
 * Addresses of IP sockets: struct sockaddr_in and struct sockaddr_in6.
 *
 * @module
 */

/** AF_* by IP version. */
export const ADDRESS_FAMILY = { 4: 2, 6: 10 } as const;

/** Bytes of the structure, and where it has the address; port and scope are at the same place in all. */
const LAYOUT = { 4: { size: 16, address: 4 }, 6: { size: 28, address: 8 } } as const;
const SCOPE = 24;
const PORT = 2;

/**
 * An address as the kernel takes it.
 *
 * @param address 4 bytes, or 16
 * @param device index of the device by which a link-local address of IPv6 is reached; 0 for none
 */
export function socketAddress(
  version: 4 | 6,
  { address, device, port = 0 }: {
    readonly address: Uint8Array;
    readonly device: number;
    readonly port?: number;
  },
): Uint8Array<ArrayBuffer> {
  const { size, address: at } = LAYOUT[version];
  const bytes = new Uint8Array(new ArrayBuffer(size));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, ADDRESS_FAMILY[version], true);
  view.setUint16(PORT, port, false);
  bytes.set(address, at);
  // For any other address the kernel would take the scope for the device to send by.
  if (version === 6 && needsScope(address)) view.setUint32(SCOPE, device, true);
  return bytes;
}

/** The address in it: 4 bytes, or 16. */
export function addressIn(version: 4 | 6, bytes: Uint8Array): Uint8Array {
  const { size, address } = LAYOUT[version];
  return bytes.slice(address, version === 4 ? address + 4 : size - 4);
}

/** Whether an address of IPv6 means something on one link alone: fe80::/10, ff01::/16, ff02::/16. */
function needsScope([first = 0, second = 0]: Uint8Array): boolean {
  if (first === 0xfe) return (second & 0xc0) === 0x80;
  return first === 0xff && ((second & 15) === 1 || (second & 15) === 2);
}
