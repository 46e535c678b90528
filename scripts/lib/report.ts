/**
 * Helpers of scripts/test that shell would make a mess of.
 *
 *     report.ts import-map             deno.json's imports, with skip_reasons.ts for tests/
 *     report.ts together FILE...       a test file that imports these
 *     report.ts counts JUNIT           "passed failed skipped"
 *     report.ts failed JUNIT           a line a failed test: its name
 *     report.ts failed-files JUNIT     a line a file with such tests
 *     report.ts still-failed JUNIT AGAIN  a line a test that failed and has not passed in AGAIN
 *     report.ts skipped JUNIT REASONS  a line a skipped test: name and reason
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import process from "node:process";

const root = new URL("../../", import.meta.url);

/** One test of a JUnit report. */
interface Case {
  readonly suite: string;
  readonly name: string;
  /** Undefined where neither an attribute nor the failure's words tell it. */
  readonly file: string | undefined;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Why it was skipped, where the report itself tells. */
  readonly reason: string;
}

function importMap(): string {
  const { imports } = JSON.parse(readFileSync(new URL("deno.json", root), "utf8"));
  const absolute = Object.entries(imports as Record<string, string>)
    .map(([name, target]) => [name, target.startsWith("./") ? new URL(target, root).href : target]);
  return JSON.stringify({
    imports: Object.fromEntries(absolute),
    scopes: {
      [new URL("tests/", root).href]: {
        "node:test": new URL("scripts/lib/skip_reasons.ts", root).href,
      },
    },
  });
}

const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

function attribute(tag: string, name: string): string {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? "";
  return value.replace(/&(?:#(x?)([\da-fA-F]+)|(\w+));/g, (whole, hex, digits, entity) => {
    if (entity) return entities[entity] ?? whole;
    return String.fromCodePoint(parseInt(digits, hex ? 16 : 10));
  });
}

function* cases(file: string): Generator<Case> {
  // No report: the runner died before it could write one.
  if (!existsSync(file)) return;
  const xml = readFileSync(file, "utf8");
  for (
    const [, tag = "", body = ""] of xml.matchAll(
      /<testcase\b((?:"[^"]*"|[^">])*?)(?:\/>|>([^]*?)<\/testcase>)/g,
    )
  ) {
    const outcome = /<(?:failure|error)\b/.test(body)
      ? "failed"
      : /<skipped\b/.test(body)
      ? "skipped"
      : "passed";
    const [file] = /tests\/[\w./-]+\.test\.ts/.exec(attribute(tag, "file") || body) ?? [];
    const [skip = ""] = /<skipped\b[^>]*>/.exec(body) ?? [];
    yield {
      ...{ suite: attribute(tag, "classname"), name: attribute(tag, "name"), file, outcome },
      reason: attribute(skip, "message"),
    };
  }
}

function counts(junit: string): string {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const { outcome } of cases(junit)) count[outcome]++;
  return `${count.passed} ${count.failed} ${count.skipped}`;
}

function skipped(junit: string, file: string): string[] {
  const lines = existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  const reasons = new Map<string, string>(lines.filter(Boolean).map((line) => JSON.parse(line)));
  /** A test's own reason, or that of the group it stands in (Bun: classname "group > group"). */
  const reasonOf = ({ suite, name }: Case) =>
    [name, ...`${name} > ${suite}`.split(" > ")].map((part) => reasons.get(part)).find(Boolean);
  return [...cases(junit)].filter(({ outcome }) => outcome === "skipped")
    .map((test) => `${test.name}: ${reasonOf(test) ?? (test.reason || "no reason given")}`);
}

function together(files: readonly string[]): string {
  return files.map((file) => `import ${JSON.stringify(new URL(file, root).href)};`).join("\n");
}

function failed(file: string): Case[] {
  return [...cases(file)].filter(({ outcome }) => outcome === "failed");
}

const [action, junit = "", reasons = ""] = process.argv.slice(2);
if (action === "import-map") console.log(importMap());
else if (action === "together") console.log(together(process.argv.slice(3)));
else if (action === "counts") console.log(counts(junit));
else if (action === "failed") { for (const { name } of failed(junit)) console.log(name); }
else if (action === "failed-files") {
  const files = failed(junit).map(({ file }) => file);
  // One that nobody knows cannot run again: then none does.
  if (!files.includes(undefined)) { for (const file of new Set(files)) console.log(`./${file}`); }
} else if (action === "still-failed") {
  const passed = [...cases(reasons)].filter(({ outcome }) => outcome === "passed");
  const names = new Set(passed.map(({ name }) => name));
  for (const { name } of failed(junit)) if (!names.has(name)) console.log(name);
} else if (action === "skipped") { for (const line of skipped(junit, reasons)) console.log(line); }
else throw new Error(`unknown action ${action}`);
