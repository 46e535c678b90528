/** A capture file that cannot be read, or not to its end. */
export class CaptureError extends Error {
  /** Bytes from the start of the file to the block or record that is wrong. */
  readonly offset: number;
  /** The file only ends too early: all that is whole was handed out, and more bytes would help. */
  readonly cut: boolean;

  /** @ignore Made by readers. */
  constructor(message: string, { offset, cut = false }: { offset: number; cut?: boolean }) {
    super(`${message}, at byte ${offset} of the capture`);
    this.name = "CaptureError";
    this.offset = offset;
    this.cut = cut;
  }
}
