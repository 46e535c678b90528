/** Bytes that can be made again anywhere. */
export function madeBytes(size: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(size));
  for (let at = 0; at < size; at++) bytes[at] = at * seed + (at >> 8);
  return bytes;
}
