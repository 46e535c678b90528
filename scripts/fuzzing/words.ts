/** An input as the words that repeat it, and back. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Input, Target } from "./target.ts";

/** Longer hex goes into a file. */
const LONGEST = 4096;

/** `--only edit --seed 5 --input 4500 --operations UdpView.payload=detached`. */
export function wordsOf(target: Target, { bytes, operations }: Input, seed: number): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const words = hex.length > LONGEST ? fileOf(hex) : hex;
  const names = operations.map((operation) => target.operations[operation]).join(",");
  const rest = names === "" ? "" : ` --operations '${names}'`;
  return `--only ${target.name} --seed ${seed} --input '${words}'${rest}`;
}

function fileOf(hex: string): string {
  const file = join(mkdtempSync(join(tmpdir(), "fuzz-")), "input");
  writeFileSync(file, hex);
  return `@${file}`;
}

/** @throws {TypeError} when there is no such operation. */
export function inputOf(target: Target, hex: string, names: string): Input {
  const text = hex.startsWith("@") ? readFileSync(hex.slice(1), "utf8") : hex;
  const bytes = Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  const operations = names === "" ? [] : names.split(",").map((name) => {
    const operation = target.operations.indexOf(name);
    if (operation < 0) throw new TypeError(`${target.name} has no operation ${name}`);
    return operation;
  });
  return { bytes, operations };
}
