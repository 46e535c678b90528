/**
 * `nfqueue doctor --json` as a process of its own, and what it said.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Finding } from "../../src/cli/doctor/terms/finding.ts";
import { Child, type SpawnOptions } from "../support/runtime/child.ts";
import { patience } from "../support/runtime/waiting.ts";

const command = new URL("../../src/cli/main.ts", import.meta.url);
/** What docs/command.md names. */
const permissions = ["--allow-ffi", "--allow-read", "--allow-env"];

/** One run of doctor. */
export class Diagnosis {
  readonly status: number | null;
  readonly findings: readonly Finding[];

  constructor(output: string, status: number | null) {
    const { ok, findings, ...rest } = JSON.parse(output) as { ok: boolean; findings: Finding[] };
    this.status = status;
    this.findings = findings;
    assert.deepEqual(rest, {});
    assert.equal(status, ok ? 0 : 1);
    assert.equal(ok, findings.every(({ severity }) => severity !== "error"));
  }

  /** What is a warning or an error, as `severity code`, each once, sorted. */
  get problems(): readonly string[] {
    const bad = this.findings.filter(({ severity }) =>
      severity === "warning" || severity === "error"
    );
    return [...new Set(bad.map(({ severity, code }) => `${severity} ${code}`))].sort();
  }

  /** All with that code. */
  all(code: string): readonly Finding[] {
    return this.findings.filter((finding) => finding.code === code);
  }

  /** The one with that code. */
  one(code: string): Finding {
    const [found, ...others] = this.all(code);
    assert.ok(found !== undefined, `${code} is not among ${JSON.stringify(this.findings)}`);
    assert.deepEqual(others, []);
    return found;
  }
}

/** Runs doctor to its end. */
export async function diagnose(options: SpawnOptions = {}): Promise<Diagnosis> {
  await using child = new Child(command, {
    ...{ parameters: ["doctor", "--json"], permissions },
    ...options,
  });
  // A runtime that starts in the virtual machine for the first time takes long.
  const { code } = await child.end(2 * patience);
  assert.equal(child.errors, "");
  return new Diagnosis(child.output, code);
}

/** Runs doctor for a person. */
export async function diagnoseText(options: SpawnOptions = {}): Promise<string> {
  await using child = new Child(command, { parameters: ["doctor"], permissions, ...options });
  await child.end();
  assert.equal(child.errors, "");
  return child.output;
}
