// Signals that come while a program of iptables runs: to ours, and to that program, as Ctrl-C does.
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { requireIsolation } from "../support/network/isolation.ts";
import { Child } from "../support/runtime/child.ts";
import { command } from "../support/runtime/command.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

const LIMIT = { timeout: 60_000 } as const;
const PROGRAM = new URL("./fixtures/slow_iptables.ts", import.meta.url);

const ours = () => [...command("iptables-save", []).matchAll(/^.*nfq_.*$/gm)].map(([line]) => line);

/** A folder with an iptables-restore that does this before it is the real one. */
class Wrapped implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "nfqueue-"));

  constructor(first: string) {
    const path = join(this.folder, "iptables-restore");
    const real = command("sh", ["-c", "command -v iptables-restore"]).trim();
    writeFileSync(path, `#!/bin/sh\ncd ${this.folder}\n${first}\nexec ${real} "$@"\n`);
    chmodSync(path, 0o755);
  }

  get environment(): Readonly<Record<string, string>> {
    return { PATH: `${this.folder}:${process.env["PATH"]}` };
  }

  has(file: string): boolean {
    return existsSync(join(this.folder, file));
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** The second time that it is called is for the removal. */
const atRemoval = (action: string) =>
  `[ ! -e first ] || [ -e second ] || { touch second; ${action}; }; touch first`;

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`${signal} while rules are being installed leaves none`, LIMIT, async () => {
    using wrapped = new Wrapped(
      "touch begun; n=0; while [ ! -e go ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done",
    );
    await using child = new Child(PROGRAM, { environment: wrapped.environment });
    await until(() => wrapped.has("begun"), { what: "iptables-restore runs" });
    child.kill(signal);
    writeFileSync(join(wrapped.folder, "go"), "");
    assert.deepEqual(await child.end(20_000), { code: null, signal }, child.errors);
    assert.deepEqual(ours(), []);
  });
}

test(
  "iptables is ended by a signal while it installs: the error says so, nothing is left",
  LIMIT,
  async () => {
    using wrapped = new Wrapped("[ -e once ] || { touch once; kill -INT $$; }");
    await using child = new Child(PROGRAM, { environment: wrapped.environment });
    assert.equal((await child.end(20_000)).code, 1, child.output);
    assert.match(child.errors, /iptables-restore: EINTR .*SIGINT/);
    assert.deepEqual(ours(), []);
  },
);

test(
  "iptables is ended by a signal while rules are removed: it is asked again",
  LIMIT,
  async () => {
    // The second time is for the removal.
    using wrapped = new Wrapped(
      "[ ! -e first ] || [ -e second ] || { touch second; kill -INT $$; }; touch first",
    );
    await using child = new Child(PROGRAM, {
      ...{ environment: wrapped.environment, parameters: ["remove"] },
    });
    assert.deepEqual(await child.end(20_000), { code: 0, signal: null }, child.errors);
    assert.ok(wrapped.has("second"));
    assert.deepEqual(ours(), []);
  },
);

for (const who of ["again", "exit"]) {
  test(`what could not be removed is removed later: ${who}`, LIMIT, async () => {
    using wrapped = new Wrapped(atRemoval("echo Resource temporarily unavailable >&2; exit 4"));
    await using child = new Child(PROGRAM, {
      ...{ environment: wrapped.environment, parameters: ["remove", "ipv4", who] },
    });
    assert.deepEqual(await child.end(20_000), { code: 0, signal: null }, child.errors);
    assert.match(child.output, /EBUSY/);
    assert.deepEqual(ours(), []);
  });
}
