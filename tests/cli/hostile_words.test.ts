// Hostile texts in every word of every command: refused, or taken literally. What is installed and what is
// in the file system afterwards tells.
import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { LINK_TYPE, PcapWriter } from "../../src/capture/mod.ts";
import { main } from "../../src/cli/dispatch.ts";
import { buildPacket } from "../../src/packet/mod.ts";
import { HOSTILE } from "../rules/samples.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { ownedQueues } from "../support/queue/numbers.ts";
import { command } from "../support/runtime/command.ts";

requireIsolation();

/** What another program would do, were it given these as more than data. */
const DEEDS = [
  ...["touch pwned", "add table inet pwned", "iptables -N pwned", "echo >pwned", "flush ruleset"],
  "import('node:fs').then((fs) => fs.writeFileSync('pwned', ''))",
];
const FRAMES: readonly (readonly [string, string])[] = [
  ...[["; ", ""], ["\n", "\n"], ["$(", ")"], ["`", "`"], ["| ", ""], ["&& ", " #"]] as const,
  ...[['"; ', '; "'], ["'; ", "; '"], ["x; ", ""], ["x\n", ""], ["\0", ""], ["} ", " {"]] as const,
  ...[["lo ", ""], ["--", ""], ["-", ""], ["@", ""], ["%s", "%n"], ["\x1b]0;", "\x07"]] as const,
  ...[["data:text/javascript,", ""], ["\r", ""], ["\u2028", ""], ["=", ""], ["0 or ", ""]] as const,
];
const WORDS: readonly string[] = [
  ...DEEDS.flatMap((deed) => FRAMES.map(([before, behind]) => `${before}${deed}${behind}`)),
  ...HOSTILE.flatMap((text) => [text, `x${text}`, `0${text}`, `${text}x`, `filter.ts${text}`]),
  ...HOSTILE.flatMap((text) => [`output ${text}`, `${text} and udp`, `0-${text}`]),
];

/** Where a word may stand, and of how many words one is tried there: some places take milliseconds. */
const PLACES: readonly (readonly [every: number, words: (word: string) => readonly string[]])[] = [
  [1, (word) => [word]],
  [1, (word) => ["help", word]],
  [1, (word) => [word, "filter.ts", "--rule", word]],
  [1, (word) => ["run", word]],
  [1, (word) => ["run", "filter.ts", word]],
  [1, (word) => ["run", "filter.ts", "--queue", word]],
  [1, (word) => ["run", "filter.ts", `-q${word}`]],
  [1, (word) => ["run", "filter.ts", "--rule", word]],
  [1, (word) => ["run", "filter.ts", "--rule", `output inDevice=${JSON.stringify(word)}`]],
  [5, (word) => ["run", "filter.ts", "--rule", `output expression=${JSON.stringify(word)}`]],
  [10, (word) => ["run", "filter.ts", "--no-rules", `--record=${word}`]],
  [1, (word) => ["dump", "-c", word]],
  [1, (word) => ["dump", "-q", word]],
  [1, (word) => ["dump", "-r", word]],
  [5, (word) => ["dump", "-r", "capture.pcap", word]],
  [5, (word) => ["dump", "-r", "capture.pcap", `host ${word}`]],
  [10, (word) => ["dump", "-r", "capture.pcap", `--write=${word}`]],
  [1, (word) => ["dump", "--rule", word]],
  [1, (word) => ["replay", word, "filter.ts"]],
  [1, (word) => ["replay", "capture.pcap", word]],
  [1, (word) => ["top", "--once", "-d", word]],
  [1, (word) => ["top", "--once", word, word]],
  [1, (word) => ["doctor", "--json", word, word]],
  [1, (word) => ["rules", word]],
  [1, (word) => ["rules", "clean", word]],
  [1, (word) => ["rules", "explain", "--rule", word]],
  [1, (word) => ["rules", "explain", "--rule", `output user=${JSON.stringify(word)}`]],
  [1, (word) => ["init", word]],
  [10, (word) => ["init", `${word}.ts`]],
];

/** A folder below others, so that `..` leads to what is looked at too. */
class Scene implements Disposable {
  readonly #before = process.cwd();
  readonly #root = realpathSync(mkdtempSync(join(tmpdir(), "nfqueue-words-")));

  constructor() {
    const folder = join(this.#root, "a/b/c");
    mkdirSync(folder, { recursive: true });
    process.chdir(folder);
  }

  /** All files, by their whole names. */
  get files(): string[] {
    return readdirSync(this.#root, { recursive: true }).map((name) => join(this.#root, `${name}`))
      .filter((path) => statSync(path).isFile()).sort();
  }

  [Symbol.dispose](): void {
    process.chdir(this.#before);
    rmSync(this.#root, { recursive: true, force: true });
  }
}

const installed = () =>
  [
    ...[command("nft", ["list", "ruleset"]), command("iptables-save", [])],
    ...[command("ip6tables-save", []), [...ownedQueues().keys()].join()],
  ].map((text) => text.replaceAll(/^#.*$/gm, ""));

test("in every word of every command: nothing but what is meant", { timeout: 60_000 }, async () => {
  using scene = new Scene();
  writeFileSync("filter.ts", "export default { packet: () => 1 };");
  const writer = new PcapWriter({ linkType: LINK_TYPE.RAW });
  const bytes = buildPacket({ ipv4: { source: "10.0.0.1", destination: "10.0.0.2" }, udp: {} });
  writeFileSync(
    "capture.pcap",
    Buffer.concat([writer.start(), writer.packet({ bytes, timestamp: 0 })]),
  );
  const before = installed();
  const meant = new Set(scene.files);
  meant.add(resolve("deno.json"));
  let [tried, refused] = [0, 0];
  for (const [every, wordsOf] of PLACES) {
    for (let at = 0; at < WORDS.length; at += every) {
      const word = WORDS[at]!;
      const words = wordsOf(word);
      for (const name of [word, `${word}.ts`]) if (name !== "") meant.add(resolve(name));
      const ending = new AbortController();
      let said = "";
      const say = (text: string): void => {
        said += text;
        // What was taken ends where it has begun.
        if (/Ctrl-C ends it|listening on/.test(text)) ending.abort();
      };
      const status = await main(words, {
        ...{ write: say, complain: say, signal: ending.signal },
        ...{ terminal: false, screen: false, colors: false },
      });
      assert.ok([0, 1, 2].includes(status), `${status} of ${JSON.stringify(words)}`);
      if (status !== 0) assert.ok(said.length > 0, JSON.stringify(words));
      tried++;
      if (status !== 0) refused++;
    }
  }
  assert.ok(new Set(WORDS).size >= 500, `${new Set(WORDS).size} different words`);
  assert.ok(refused > tried * 0.9, `${refused} of ${tried} were refused`);
  assert.deepEqual(installed(), before);
  assert.deepEqual(scene.files.filter((path) => !meant.has(path) || path.endsWith("/pwned")), []);
});
