// scripts/soak: some seconds of it, and that it notices consumers that lie.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { mayChangeUser, requireIsolation } from "../support/network/isolation.ts";
import { isBun, isNode } from "../support/runtime/child.ts";
import { deferred, within } from "../support/runtime/waiting.ts";

requireIsolation();

const root = fileURLToPath(new URL("../..", import.meta.url));
const runtime = isBun ? "bun" : "deno";
const skip = isNode ? "its consumers are Deno's and Bun's" : false;

/** What it printed, and the row of all packets by the columns' names. */
interface Soaked {
  readonly status: number | null;
  readonly words: string;
  readonly all: Readonly<Record<string, number>>;
}

/** In namespaces of its own: it takes devices and tables away. */
async function soak(...parameters: string[]): Promise<Soaked> {
  const words = ["scripts/soaking/inside", "--runtime", runtime, ...parameters];
  const child = spawn("scripts/isolate", words, {
    cwd: root,
    env: { [runtime.toUpperCase()]: process.execPath, ...process.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let progress = "";
  child.stdout.on("data", (chunk: Uint8Array) => output += new TextDecoder().decode(chunk));
  child.stderr.on("data", (chunk: Uint8Array) => progress += new TextDecoder().decode(chunk));
  const ended = deferred<number | null>();
  child.once("error", ended.reject);
  child.once("close", (code) => ended.resolve(code));
  try {
    const status = await within(ended.promise, { what: "scripts/soak", timeout: 110_000 });
    const cells = (line: string | undefined) => line?.split("|").map((cell) => cell.trim()) ?? [];
    const lines = output.split("\n");
    const names = cells(lines.find((line) => line.startsWith("| fault")));
    const values = cells(lines.find((line) => line.startsWith("| all")));
    const all = Object.fromEntries(names.map((name, index) => [name, Number(values[index])]));
    return { status, words: output + progress, all };
  } finally {
    // Whatever it started ends with its namespaces.
    child.kill("SIGKILL");
  }
}

const faults = [
  ...["none", "queue full", "SIGSTOP", "kill -9", "held packets", "throwing handler"],
  ...["device down", "rules replaced", "table replaced", "capability lost", "worker terminated"],
].flatMap((name) => ["--fault", name]);

test("every packet has one place, whatever goes wrong", { timeout: 120_000, skip }, async () => {
  const { status, words, all } = await soak("--seconds", "20", ...faults);
  assert.equal(status, 0, words);
  assert.ok(all["phases"]! > 0 && all["sent"]! > 0, words);
  assert.equal(all["unaccounted"], 0, words);
  assert.equal(all["duplicates"], 0, words);
});

/** One phase of the plainest kind; where drops at the limit cannot be read they are known apart. */
const plain = ["--seconds", "1", "--fault", "none", "--way", "run"];
const user = mayChangeUser() ? ["--user"] : [];

test("an ordinary user's packets, but for drops at the queue's limit", {
  timeout: 120_000,
  skip,
  ...(mayChangeUser() ? {} : { skip: "there is no other user in this user namespace" }),
}, async () => {
  const { status, words, all } = await soak(...plain, "--user");
  assert.equal(status, 0, words);
  assert.ok(all["accepted"]! > 0 && all["dropped"]! > 0, words);
});

test(
  "a consumer that drops and does not count is found out",
  { timeout: 120_000, skip },
  async () => {
    const { status, words, all } = await soak(...plain, ...user, "--consumer", "drops-silently");
    assert.equal(status, 1, words);
    assert.ok(all["unaccounted"]! > 0, words);
    assert.equal(all["duplicates"], 0, words);
  },
);

test("a consumer that sends packets twice is found out", { timeout: 120_000, skip }, async () => {
  const { status, words, all } = await soak(...plain, ...user, "--consumer", "sends-twice");
  assert.equal(status, 1, words);
  assert.ok(all["duplicates"]! > 0, words);
});

test("a wrong name is an error that lists the right ones", { timeout: 60_000, skip }, async () => {
  const { status, words } = await soak("--fault", "nonsense");
  assert.equal(status, 2, words);
  assert.match(words, /--fault nonsense: one of none; queue full/);
});
