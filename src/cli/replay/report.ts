// What a replay tells: a line a packet, and the sum.
import { formatHex } from "../../base/hex.ts";
import { count } from "../doctor/terms/finding.ts";
import type { UndecidedCause } from "../../queue/packet/ending.ts";
import type { Surroundings } from "../frame/command.ts";
import { differences, type Fate, fateOf, markText, packetText, recordedFate } from "./fate.ts";
import type { Played } from "./player.ts";

const RED = 31;
const DIM = 2;
/** Why a packet has the queue's verdict. */
const CAUSES: Readonly<Record<UndecidedCause, string>> = {
  handler: "the handler left it undecided",
  error: "the handler failed",
  deadline: "the deadline passed",
  close: "still held at the end",
  cut: "its message was cut",
};
/** Packets that are named in the last line. */
const MOST_NAMED = 20;

/** How it is told. */
export interface ReportOptions {
  readonly json: boolean;
  /** Whether recorded verdicts are compared. */
  readonly expect: boolean;
  readonly changes: ReadonlyMap<number, Uint8Array>;
}

/** Tells of packets, and counts them. */
export class Report {
  readonly #around: Surroundings;
  readonly #options: ReportOptions;
  readonly #verdicts = new Map<string, number>();
  readonly #different: number[] = [];
  #packets = 0;
  #changed = 0;
  #foreign = 0;
  #compared = 0;
  #withoutVerdict = 0;

  constructor(around: Surroundings, options: ReportOptions) {
    this.#around = around;
    this.#options = options;
  }

  /** A record that is neither IPv4 nor IPv6. */
  passOver(): void {
    this.#foreign++;
  }

  /** A packet that has its fate. */
  tell(played: Played): void {
    const now = fateOf(played);
    const recorded = recordedFate(played, this.#options.changes);
    const differs = recorded === undefined || !this.#options.expect
      ? undefined
      : differences(now, recorded);
    this.#packets++;
    if (now?.changed) this.#changed++;
    const name = now?.verdict ?? (played.lost === "no room" ? "without room" : "undecided");
    this.#verdicts.set(name, (this.#verdicts.get(name) ?? 0) + 1);
    if (recorded === undefined) this.#withoutVerdict++;
    if (differs !== undefined) this.#compared++;
    if (differs !== undefined && differs.length > 0) this.#different.push(played.packet.number);
    this.#around.write(
      this.#options.json
        ? `${JSON.stringify(jsonOf(played, { now, recorded, differs }))}\n`
        : this.#lineOf(played, now, differs),
    );
  }

  /** Tells the sum. @returns whether all is as it is expected */
  end(): boolean {
    const agrees = !this.#options.expect || (this.#different.length === 0 && this.#compared > 0);
    if (this.#options.json) this.#around.write(`${JSON.stringify(this.#sum(agrees))}\n`);
    else this.#around.write(`${this.#sumText()}\n`);
    return agrees;
  }

  #lineOf(played: Played, now: Fate | undefined, differs: readonly string[] | undefined): string {
    const { packet: { number, payload, length }, lost, cause } = played;
    const parts: string[] = [];
    if (now !== undefined) parts.push(now.verdict);
    else parts.push(lost === "no room" ? "lost: the queue was full" : "left undecided");
    if (cause !== undefined) parts[0] += ` (${CAUSES[cause]})`;
    if (now?.mark !== undefined) parts.push(`mark ${markText(now.mark)}`);
    if (now?.changed) parts.push(`changed: ${packetText(now.bytes, now.bytes.length)}`);
    const line = `${`${number}`.padStart(5)}  ${packetText(payload, length)}  → ${
      parts.join(", ")
    }\n`;
    if (differs === undefined || differs.length === 0) return line;
    return `${line}${this.#paint(`       differs: ${differs.join("; ")}`, RED)}\n`;
  }

  #sumText(): string {
    const { expect } = this.#options;
    const verdicts = [...this.#verdicts].map(([name, number]) => `${number} ${name}`);
    const parts = [`${count(this.#packets, "packet")}: ${verdicts.join(", ") || "none"}`];
    if (this.#changed > 0) parts.push(`${this.#changed} changed`);
    if (this.#foreign > 0) parts.push(`${count(this.#foreign, "record")} passed over: no IP`);
    const lines = [this.#paint(parts.join("; "), DIM)];
    if (expect && this.#withoutVerdict > 0) {
      const whole = this.#compared === 0 ? "; nothing could be compared" : "";
      lines.push(`${count(this.#withoutVerdict, "packet")} without a recorded verdict${whole}`);
    }
    if (expect && this.#different.length > 0) {
      const named = this.#different.slice(0, MOST_NAMED).join(", ");
      const more = this.#different.length > MOST_NAMED ? ", …" : "";
      lines.push(`${count(this.#different.length, "packet")} not as recorded: ${named}${more}`);
    } else if (expect && this.#compared > 0) {
      lines.push(`${count(this.#compared, "packet")} as recorded`);
    } else if (expect && this.#packets === 0) lines.push("nothing could be compared");
    return lines.join("\n");
  }

  #sum(agrees: boolean): object {
    return {
      type: "sum",
      packets: this.#packets,
      verdicts: Object.fromEntries(this.#verdicts),
      changed: this.#changed,
      passedOver: this.#foreign,
      ...(this.#options.expect
        ? {
          ...{ agrees, compared: this.#compared, withoutVerdict: this.#withoutVerdict },
          different: this.#different,
        }
        : {}),
    };
  }

  #paint(text: string, color: number): string {
    return this.#around.colors ? `\x1b[${color}m${text}\x1b[0m` : text;
  }
}

function jsonOf(
  { packet, queue, lost, cause }: Played,
  { now, recorded, differs }: {
    readonly now: Fate | undefined;
    readonly recorded: Fate | undefined;
    readonly differs: readonly string[] | undefined;
  },
): object {
  const told = (fate: Fate | undefined) =>
    fate === undefined ? null : {
      verdict: fate.verdict,
      ...(fate.mark === undefined ? {} : { mark: fate.mark }),
      ...(fate.changed ? { bytes: formatHex(fate.bytes) } : {}),
    };
  return {
    ...{ type: "packet", number: packet.number, queue },
    text: packetText(packet.payload, packet.length),
    decided: told(now),
    ...(lost === undefined ? {} : { lost }),
    ...(cause === undefined ? {} : { cause }),
    recorded: told(recorded),
    ...(differs === undefined ? {} : { differs }),
  };
}
