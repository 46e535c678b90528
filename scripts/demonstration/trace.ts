/**
 * Loaded before an example (`--preload`), makes every verdict print a line, but those of TCP's bare
 * acknowledgments: the example itself stays as it stands.
 *
 * @module
 */

import { type Mark, Packet, PacketQueue, type VerdictOptions } from "@nfqueue/nfqueue";

const VERDICTS = { 0: "drop", 1: "accept", 4: "repeat", 5: "stop" } as const;

for (const verdict of Object.values(VERDICTS)) {
  const give = Packet.prototype[verdict];
  Packet.prototype[verdict] = function (options?: VerdictOptions) {
    const notes: string[] = [];
    if (options?.mark !== undefined) notes.push(`mark ${describe(options.mark)}`);
    if (this.modified) notes.push("rewritten");
    // The packet cannot be read after its verdict.
    const line = `${verdict.padEnd(6)}  ${this}`;
    const isTold = !isBare(this);
    give.call(this, options);
    if (isTold) console.log(notes.length === 0 ? line : `${line}  (${notes.join(", ")})`);
  };
}

const { run } = PacketQueue.prototype;
PacketQueue.prototype.run = function (handler, options) {
  return run.call(this, (packet) => {
    const result = handler(packet);
    return typeof result === "number" ? packet[VERDICTS[result]]() : result;
  }, options);
};

function isBare({ tcp }: Packet): boolean {
  return tcp !== undefined && tcp.payload.length === 0 && !tcp.syn && !tcp.fin && !tcp.rst;
}

function describe(mark: Mark): string {
  const hexadecimal = (value: number): string => `0x${value.toString(16)}`;
  if (typeof mark === "number") return hexadecimal(mark);
  return `${hexadecimal(mark.value)}/${hexadecimal(mark.mask)}`;
}
