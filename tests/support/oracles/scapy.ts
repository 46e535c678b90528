/**
 * Scapy in a process of its own: builds random packets, and says what it reads in others.
 *
 * @module
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { inCi } from "../runtime/ci.ts";
import { deferred, within } from "../runtime/waiting.ts";

/** A packet as scapy reads it: each header's fields under the names of our views. */
export interface ScapyPacket {
  readonly hex: string;
  readonly link: "ip" | "ethernet";
  /** The checksums that scapy computes; null where there is none to be. */
  readonly right?: { readonly header?: number; readonly upper?: number | null };
  /** It has a Home Address option. */
  readonly home?: true;
  readonly vlans?: readonly Readonly<Record<string, unknown>>[];
  readonly tcpOptions?: readonly (readonly [kind: number, value: unknown])[];
  readonly [header: string]: unknown;
}

/** The first python3 of PATH that has scapy: the distribution's need not be the first. */
function findPython(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(":").filter((folder) => folder !== "");
  return folders.map((folder) => `${folder}/python3`).find((python) => {
    const { status } = spawnSync(python, ["-c", "import scapy"], { timeout: 20_000 });
    return status === 0;
  });
}

const python = findPython();

// A hard failure of every file that imports this: in CI nothing may be left out unseen.
if (python === undefined && inCi) {
  throw new Error("no python3 in PATH has scapy: scripts/setup dev installs it, or says why not");
}

/** Options of every test that needs scapy: `{ timeout, ...needsScapy }`. */
export const needsScapy: { readonly skip?: string } = python === undefined
  ? { skip: "no python3 in PATH has scapy: scripts/setup dev installs it" }
  : {};

/** The process. Answers come in the order of the requests. */
export class Scapy implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #ended = deferred<void>();
  readonly #lines: string[] = [];
  #rest = "";
  #errors = "";
  #arrival = deferred<void>();
  #over = false;

  constructor() {
    const script = fileURLToPath(new URL("./scapy_oracle.py", import.meta.url));
    this.#process = spawn(python ?? "", [script], { stdio: ["pipe", "pipe", "pipe"] });
    const end = () => {
      this.#over = true;
      this.#ended.resolve();
      this.#arrival.resolve();
    };
    this.#process.stdout?.setEncoding("utf8").on("data", (text: string) => this.#receive(text));
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => this.#errors += text);
    this.#process.once("error", end);
    this.#process.once("close", end);
  }

  /** Random packets, the same for the same seed. */
  make(count: number, seed: number): Promise<ScapyPacket[]> {
    return this.#ask(`${JSON.stringify({ make: count, seed })}\n`, count);
  }

  /** What scapy reads in each of these. */
  read(packets: readonly { readonly bytes: Uint8Array; readonly link: string }[]) {
    const lines = packets.map(({ bytes, link }) => {
      const read = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      return `${JSON.stringify({ read, link })}\n`;
    });
    return this.#ask(lines.join(""), packets.length);
  }

  async #ask(request: string, answers: number): Promise<ScapyPacket[]> {
    this.#process.stdin?.write(request);
    const collect = async () => {
      while (this.#lines.length < answers && !this.#over) {
        await this.#arrival.promise;
        this.#arrival = deferred<void>();
      }
    };
    await within(collect(), { what: `${answers} answers of scapy`, timeout: 90_000 });
    if (this.#lines.length < answers) {
      throw new Error(`scapy ended after ${this.#lines.length} answers: ${this.#errors}`);
    }
    return this.#lines.splice(0, answers).map((line) => JSON.parse(line) as ScapyPacket);
  }

  #receive(text: string): void {
    const lines = `${this.#rest}${text}`.split("\n");
    this.#rest = lines.pop() ?? "";
    this.#lines.push(...lines);
    this.#arrival.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin?.end();
    if (!this.#over) this.#process.kill("SIGKILL");
    await within(this.#ended.promise, { what: "scapy to end" });
  }
}
