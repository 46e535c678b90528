// docs/troubleshooting.md quotes what the library says, and what doctor finds: both are in the source.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const timeout = 10_000;
const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const page = read("docs/troubleshooting.md");

/** The source below a folder, one text. */
function sourceOf(folder: string): string {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8")).join("\n");
}

/** What a template has in the place of each `${…}`, and what stands for every number. */
const ANY = "#";

function withoutValues(source: string): string {
  let text = "";
  for (let at = 0; at < source.length; at++) {
    if (!source.startsWith("${", at)) {
      text += source[at];
      continue;
    }
    let depth = 0;
    // What is inside stays behind the mark: it may hold words of the message, too.
    const from = at + 2;
    for (; at < source.length; at++) {
      if (source[at] === "{") depth++;
      if (source[at] === "}" && --depth === 0) break;
    }
    text += ANY;
    inside.push(source.slice(from, at));
  }
  return text;
}
const inside: string[] = [];
const numbersAside = (text: string) => text.replace(/0x[\da-f]+/g, "0x0").replace(/\d+/g, ANY);
/** Strings that are joined over lines become one. */
const joined = (source: string) => source.replace(/["'`]\s*\+\s*["'`]/g, "");
const corpus = numbersAside(withoutValues(joined(`${sourceOf("src")}\n${sourceOf("ffi")}`))) +
  numbersAside(inside.join("\n"));

/** Shorter pieces would be found anywhere. */
const LEAST = 10;

/** What of a message is in no string of the source; undefined where all of it is. */
function strange(message: string): string | undefined {
  for (const part of numbersAside(message).split("…")) {
    let rest = part.trim();
    while (rest.length >= LEAST) {
      let length = rest.length;
      while (length >= LEAST && !corpus.includes(rest.slice(0, length))) length--;
      if (length < LEAST) return rest;
      rest = rest.slice(length);
    }
  }
  return undefined;
}

test("the page quotes messages as the library prints them", { timeout }, () => {
  const messages = [...page.matchAll(/^```text\n(.*?)\n```$/gms)].map(([, text = ""]) => text);
  assert.ok(messages.length >= 18, `only ${messages.length} messages were found`);
  for (const message of messages) assert.equal(strange(message), undefined, message);
  // It does find what nobody prints.
  assert.notEqual(
    strange("queue 0 was full (maxLength) and forgot 12 packets: a quicker"),
    undefined,
  );
  assert.notEqual(strange("This process lacks CAP_SYS_ADMIN: run it as root"), undefined);
});

const checks = sourceOf("src/cli/doctor");
const codesIn = (text: string) =>
  [...text.matchAll(/`([a-z]+(?:-[a-z]+)*)`/g)].map(([, code = ""]) => code);

test("doctor's codes on the page are doctor's, and none is missing", { timeout }, () => {
  const told = page.split("\n\n").filter((part) => /^Doctor: |^For rules: /.test(part)).flatMap(
    codesIn,
  );
  const inTables = page.split("\n").filter((line) => line.startsWith("| ")).flatMap(codesIn)
    .filter((word) => word.includes("-") && !/^(?:br|ip)/.test(word));
  const onPage = new Set([...told, ...inTables, ...codesIn(page)]);
  for (const code of told) assert.ok(checks.includes(`"${code}"`), `${code} is no code of doctor`);
  const section = /^## doctor$(.*?)(?=^## |$(?![^]))/ms.exec(read("docs/command.md"))?.[1] ?? "";
  const codes = codesIn(section).filter((word) => word.includes("-"));
  assert.ok(codes.length > 40, `only ${codes.length} codes were found in docs/command.md`);
  for (const code of codes) {
    assert.ok(checks.includes(`"${code}"`), `docs/command.md: ${code} is no code of doctor`);
    assert.ok(onPage.has(code), `the page leaves out ${code}`);
  }
});

test("whatever doctor advises to type is on the page", { timeout }, () => {
  const advice = joined(sourceOf("src/cli/doctor/checks")).replace(/\s+/g, " ");
  const words = new Set(
    advice.match(
      /modprobe \w+|sysctl -w net\.[a-z_.]*[a-z]|unshare -\w+|ulimit -n|nfqueue rules clean|kill -CONT|setcap [\w,=]+|libnftables1|--network=host|--cap-add=\w+|iptables -I|nft insert rule|mount -t proc|ss -f netlink -p|seccomp=unconfined|CAP_DAC_READ_SEARCH|AmbientCapabilities=\w+|gso: false|maxLength|failOpen|receiveBuffer|copyRange/g,
    ),
  );
  assert.ok(words.size > 20, `only ${words.size} were found`);
  for (const word of words) assert.ok(page.includes(word), `the page does not say ${word}`);
});
