/**
 * What a release needs. Each check gives a sentence that says what is missing and what to do.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Numbers as semver has them: `1.2.3`, `1.2.3-beta.1`. */
const VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;

interface Manifest {
  readonly version?: string;
  readonly repository?: unknown;
  readonly homepage?: unknown;
  readonly bugs?: unknown;
}

/** A heading of CHANGELOG.md, and what is below it. */
interface Section {
  readonly version: string;
  readonly date: string;
  readonly text: string;
}

/** The first section of the changelog. */
export function firstSection(changelog: string): Section | undefined {
  const [, version = "", date = "", text = ""] =
    /^## (\S+) \(([^)]*)\)\n([^]*?)(?=^## |$(?![^]))/m.exec(changelog) ?? [];
  return version === "" ? undefined : { version, date, text: text.trim() };
}

/** What stands in the changelog before the day of the release. */
export const UNRELEASED = "unreleased";

/**
 * What the files of a release say, wherever it is checked.
 *
 * @param root the repository
 * @param today as `2026-12-31`; undefined takes any date, but one there must be
 * @returns the faults, each with what to do
 */
export function faultsOfFiles(
  root: string,
  { version, today }: { readonly version: string; readonly today: string | undefined },
): string[] {
  const read = (name: string) => readFileSync(join(root, name), "utf8");
  const json = (name: string) => JSON.parse(read(name)) as Manifest;
  const faults: string[] = [];
  if (!VERSION.test(version)) {
    faults.push(`${JSON.stringify(version)} is no version: write it as 1.2.3 or 1.2.3-beta.1.`);
  }
  const lock = JSON.parse(read("package-lock.json")) as Manifest & {
    readonly packages: Readonly<Record<string, Manifest>>;
  };
  const versions: Readonly<Record<string, string | undefined>> = {
    "package.json": json("package.json").version,
    "deno.json": json("deno.json").version,
    "package-lock.json": lock.version,
    "package-lock.json, packages": lock.packages[""]?.version,
    "src/cli/package/version.ts": /VERSION = "([^"]*)"/.exec(read("src/cli/package/version.ts"))
      ?.[1],
  };
  for (const [place, found] of Object.entries(versions)) {
    if (found !== version) {
      faults.push(`${place} has version ${found}: write ${version} there, and commit it.`);
    }
  }
  faults.push(...faultsOfChangelog(read("CHANGELOG.md"), { version, today }));
  const manifest = json("package.json");
  const addresses = {
    repository: '{ "type": "git", "url": "git+<the address of the repository>.git" }',
    homepage: '"<the address of the site or of the README>"',
    bugs: '{ "url": "<the address of the issues>" }',
  } as const;
  for (const [field, example] of Object.entries(addresses)) {
    if (manifest[field as keyof typeof addresses] === undefined) {
      faults.push(`package.json lacks "${field}": add "${field}": ${example}.`);
    }
  }
  if (read("README.md").includes("No registry has it yet")) {
    faults.push(
      'README.md says "No registry has it yet": write there how to install the package instead.',
    );
  }
  return faults;
}

function faultsOfChangelog(
  changelog: string,
  { version, today }: { readonly version: string; readonly today: string | undefined },
): string[] {
  const heading = `## ${version} (${today ?? "the day of the release"})`;
  const section = firstSection(changelog);
  if (section?.version !== version) {
    const found = section === undefined ? "none" : `that of ${section.version}`;
    return [`CHANGELOG.md: the first section is ${found}: begin it with "${heading}".`];
  }
  const faults: string[] = [];
  const known = today === undefined
    ? /^\d{4}-\d{2}-\d{2}$/.test(section.date)
    : [today, UNRELEASED].includes(section.date);
  if (!known) faults.push(`CHANGELOG.md: the date is ${section.date}: write "${heading}".`);
  if (!section.text.includes("- ")) {
    faults.push(`CHANGELOG.md: the section of ${version} says nothing: tell what changed.`);
  }
  return faults;
}
