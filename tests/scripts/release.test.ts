// scripts/release in a clone of its own: what it insists on, and what it makes.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isBun } from "../support/runtime/child.ts";
import { faultsOfFiles, firstSection } from "../../scripts/releasing/checks.ts";

const timeout = 60_000;
/** The script does the same whoever starts it. */
const once = isBun ? { timeout, skip: "it is done in the tests under Deno" } : { timeout };
const root = fileURLToPath(new URL("../..", import.meta.url));
const { version: VERSION } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const today = () => new Date().toISOString().slice(0, 10);

/** What the script reads and runs. */
const FILES = [
  ...["package.json", "package-lock.json", "deno.json", "README.md", "CHANGELOG.md"],
  ...[
    "src/cli/package/version.ts",
    "scripts/release",
    "scripts/releasing",
    "scripts/lib/common.sh",
  ],
];

/** Clones of a small repository, with an origin that can be pushed to. */
class Clone implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "nfqueue-release-"));
  readonly path = join(this.#folder, "clone");

  /** @param tests what ./scripts/test does there */
  constructor({ tests = "exit 0" }: { readonly tests?: string } = {}) {
    const first = join(this.#folder, "first");
    for (const file of FILES) cpSync(join(root, file), join(first, file), { recursive: true });
    this.#write(first, "scripts/test", `#!/usr/bin/env bash\necho tested >&2\n${tests}\n`);
    chmodSync(join(first, "scripts/test"), 0o755);
    this.#git(first, "init", "--quiet", "--initial-branch=main");
    this.#git(first, "add", ".");
    this.#git(first, "commit", "--quiet", "--message", "all");
    this.#git(this.#folder, "clone", "--quiet", "--bare", "first", "origin.git");
    this.#git(this.#folder, "clone", "--quiet", "origin.git", "clone");
  }

  /** Gives package.json what a published package needs, and README.md other words; commits it. */
  makeReady(): void {
    this.edit("package.json", (text) => {
      const addresses = { repository: "a", homepage: "b", bugs: "c" };
      return JSON.stringify({ ...JSON.parse(text), ...addresses }, null, 2);
    });
    this.edit("README.md", (text) => text.replaceAll("No registry has it yet", "Install it"));
    this.edit(
      "CHANGELOG.md",
      (text) => text.replace(/^## (\S+) \(.*\)/m, `## ${VERSION} (unreleased)`),
    );
    this.commit();
  }

  edit(file: string, change: (text: string) => string): void {
    const path = join(this.path, file);
    writeFileSync(path, change(readFileSync(path, "utf8")));
  }

  read(file: string): string {
    return readFileSync(join(this.path, file), "utf8");
  }

  commit(): void {
    this.git("commit", "--quiet", "--all", "--message", "ready");
  }

  git(...words: string[]): string {
    return this.#git(this.path, ...words);
  }

  /** What the origin has. */
  origin(): string {
    return this.#git(join(this.#folder, "origin.git"), "for-each-ref");
  }

  release(...words: string[]): { readonly status: number | null; readonly text: string } {
    const { status, stdout, stderr } = this.#run(
      join(this.path, "scripts/release"),
      words,
      this.path,
    );
    return { status, text: stdout + stderr };
  }

  #git(folder: string, ...words: string[]): string {
    const { status, stdout, stderr } = this.#run("git", words, folder);
    if (status !== 0) throw new Error(`git ${words.join(" ")}: ${stderr}`);
    return stdout.trim();
  }

  #run(program: string, words: readonly string[], cwd: string) {
    const name = ["AUTHOR", "COMMITTER"].flatMap((who) => [
      [`GIT_${who}_NAME`, "A Tester"],
      [`GIT_${who}_EMAIL`, "tester@example.invalid"],
    ]);
    const env = {
      ...process.env,
      ...Object.fromEntries(name),
      // Nobody's settings: hooks, signing.
      ...{ GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
      PATH: `${dirname(process.env["DENO"] ?? "")}:${process.env["PATH"]}`,
    };
    return spawnSync(program, words, { cwd, env, encoding: "utf8", timeout });
  }

  #write(folder: string, name: string, text: string): void {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

test("it makes a commit and a tag, and pushes nothing", once, () => {
  using clone = new Clone();
  clone.makeReady();
  const [before, origin] = [clone.git("rev-parse", "HEAD"), clone.origin()];
  const { status, text } = clone.release(VERSION);
  assert.equal(status, 0, text);
  assert.match(text, /git push --atomic origin main v[^]*tested\n/);
  assert.equal(clone.git("log", "-1", "--format=%s"), `Release ${VERSION}`);
  assert.equal(clone.git("rev-parse", "HEAD^"), before);
  assert.equal(clone.git("rev-parse", `v${VERSION}^{commit}`), clone.git("rev-parse", "HEAD"));
  assert.equal(clone.git("status", "--porcelain"), "");
  const section = firstSection(clone.read("CHANGELOG.md"));
  assert.deepEqual([section?.version, section?.date], [VERSION, today()]);
  const message = clone.git("tag", "--list", "--format=%(contents)", `v${VERSION}`);
  assert.ok(message.includes(section?.text.slice(0, 200) ?? "nothing"), message);
  assert.equal(clone.origin(), origin);
  assert.deepEqual(clone.release("--check", VERSION), {
    status: 0,
    text: `${VERSION} can be published.\n`,
  });
  // A second time there is a tag.
  assert.match(clone.release(VERSION).text, /tag v\S+ is there already/);
});

const faults = [
  {
    what: "another version",
    version: "9.9.9",
    says:
      /package\.json has version[^]*deno\.json has[^]*package-lock\.json has[^]*version\.ts has[^]*CHANGELOG\.md/,
  },
  { what: "no version", version: "v1", says: /"v1" is no version/ },
  {
    what: "a version that one file lacks",
    change: (clone: Clone) => {
      clone.edit("deno.json", (text) => text.replace(/"version": "[^"]*"/, '"version": "0.0.9"'));
      clone.commit();
    },
    says: /deno\.json has version 0\.0\.9: write/,
  },
  {
    what: "another day",
    change: (clone: Clone) => {
      clone.edit("CHANGELOG.md", (text) => text.replace("(unreleased)", "(2020-02-03)"));
      clone.commit();
    },
    says: /the date is 2020-02-03: write "## \S+ \(\d{4}-\d\d-\d\d\)"/,
  },
  {
    what: "a changelog that says nothing",
    change: (clone: Clone) => {
      clone.edit("CHANGELOG.md", () => `# Changelog\n\n## ${VERSION} (unreleased)\n`);
      clone.commit();
    },
    says: /says nothing: tell what changed/,
  },
  {
    what: "changes in the tree",
    tree: true,
    change: (clone: Clone) => clone.edit("README.md", (text) => `${text}\n`),
    says: /The tree has changes[^]*README\.md/,
  },
  {
    what: "another branch",
    tree: true,
    change: (clone: Clone) => clone.git("switch", "--quiet", "--create", "other"),
    says: /This is other: go to main/,
  },
] as const;

test("it stops at each fault, and says what to do", once, () => {
  using clone = new Clone();
  clone.makeReady();
  const ready = clone.git("rev-parse", "HEAD");
  for (const fault of faults) {
    if ("change" in fault) fault.change(clone);
    const version = "version" in fault ? fault.version : VERSION;
    // What only concerns files needs no process of its own.
    const { status, text } = "tree" in fault
      ? clone.release(version)
      : { status: 1, text: faultsOfFiles(clone.path, { version, today: today() }).join("\n") };
    assert.equal(status, 1, `${fault.what}: ${text}`);
    assert.match(text, fault.says, fault.what);
    assert.doesNotMatch(text, /tested/, fault.what);
    clone.git("switch", "--quiet", "--discard-changes", "main");
    clone.git("reset", "--quiet", "--hard", ready);
  }
  assert.deepEqual(faultsOfFiles(clone.path, { version: VERSION, today: today() }), []);
  assert.equal(clone.git("tag", "--list"), "");
});

test("it insists on addresses, and on a README for those who install it", once, () => {
  using clone = new Clone();
  // As this repository is until somebody knows them.
  clone.edit("package.json", (text) => {
    const { repository: _, homepage: __, bugs: ___, ...fields } = JSON.parse(text);
    return JSON.stringify(fields, null, 2);
  });
  clone.edit("README.md", (text) => `${text}\nNo registry has it yet.\n`);
  clone.commit();
  const { status, text } = clone.release(VERSION);
  assert.equal(status, 1);
  for (const field of ["repository", "homepage", "bugs"]) {
    assert.ok(text.includes(`package.json lacks "${field}": add "${field}": `), text);
  }
  assert.match(text, /README\.md says "No registry has it yet"/);
  assert.equal(clone.release("--check", VERSION).status, 1);
});

test("tests that fail stop it", once, () => {
  using clone = new Clone({ tests: "exit 1" });
  clone.makeReady();
  const { status, text } = clone.release(VERSION);
  assert.equal(status, 1);
  assert.match(text, /tested[^]*scripts\/test has failed/);
  assert.equal(clone.git("tag", "--list"), "");
  assert.equal(clone.git("status", "--porcelain"), "");
});

test("wrong words are not taken for a version", once, () => {
  using clone = new Clone();
  for (const words of [[], ["--check"], ["--chekc", VERSION], [VERSION, VERSION]]) {
    const { status, text } = clone.release(...words);
    assert.deepEqual([status, /usage:/.test(text)], [2, true], text);
  }
});
