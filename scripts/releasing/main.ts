/**
 * Makes a release, as scripts/release starts it in the repository.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { faultsOfFiles, firstSection, UNRELEASED } from "./checks.ts";

const root = process.cwd();
const words = process.argv.slice(2);
const onlyCheck = words[0] === "--check";
const [version = "", ...others] = onlyCheck ? words.slice(1) : words;
if (version === "" || version.startsWith("-") || others.length > 0) {
  console.error("usage: scripts/release [--check] VERSION");
  process.exit(2);
}

/** What git says; an error where it fails. */
function git(...parameters: string[]): string {
  const { status, stdout, stderr, error } = spawnSync("git", parameters, {
    cwd: root,
    encoding: "utf8",
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`git ${parameters[0]}: ${stderr.trim()}`);
  return stdout.trim();
}

/** What the repository's state has against a release. */
function faultsOfTree(): string[] {
  const faults: string[] = [];
  const branch = git("rev-parse", "--abbrev-ref", "HEAD");
  if (branch !== "main") faults.push(`This is ${branch}: go to main (git switch main).`);
  const changed = git("status", "--porcelain");
  if (changed !== "") {
    faults.push(`The tree has changes: commit them, or take them away.\n${changed}`);
  }
  if (git("tag", "--list", `v${version}`) !== "") {
    faults.push(`The tag v${version} is there already: take the next version.`);
  }
  return faults;
}

function stopAt(faults: readonly string[]): void {
  if (faults.length === 0) return;
  console.error(`No release of ${version}:`);
  for (const fault of faults) console.error(`- ${fault}`);
  process.exit(1);
}

if (onlyCheck) {
  stopAt(faultsOfFiles(root, { version, today: undefined }));
  console.log(`${version} can be published.`);
  process.exit(0);
}

const today = new Date().toISOString().slice(0, 10);
stopAt([...faultsOfTree(), ...faultsOfFiles(root, { version, today })]);

console.log("Everything is as it must be. Now the tests.");
const { status } = spawnSync("./scripts/test", { cwd: root, stdio: "inherit" });
if (status !== 0) stopAt(["./scripts/test has failed: mend that first."]);
// The tests leave nothing behind; if they did, it must not get into the release.
stopAt(faultsOfTree());

const path = join(root, "CHANGELOG.md");
const changelog = readFileSync(path, "utf8");
const { date, text } = firstSection(changelog)!;
if (date === UNRELEASED) {
  const heading = `## ${version} (${today})`;
  writeFileSync(path, changelog.replace(`## ${version} (${UNRELEASED})`, () => heading));
  git("add", "CHANGELOG.md");
}
git("commit", "--allow-empty", "--message", `Release ${version}`);
git("tag", "--annotate", `v${version}`, "--cleanup=verbatim", "--message", `${version}\n\n${text}`);
console.log(`The commit and the tag v${version} are made. Nothing is pushed yet. This publishes it:

    git push --atomic origin main v${version}`);
