/**
 * A folder with filters, and `nfqueue run` on them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RuleSet } from "../../../mod.ts";
import { command } from "../../support/runtime/command.ts";
import { Child } from "../../support/runtime/child.ts";
import { ownedQueues } from "../../support/queue/numbers.ts";

const MAIN = new URL("../../../src/cli/main.ts", import.meta.url);
const PERMISSIONS = ["--allow-ffi", "--allow-read", "--allow-env"] as const;

/** A folder that goes with what is in it. */
export class Workshop implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "nfqueue-run-"));
  readonly #queues = [...ownedQueues().keys()];

  /** Writes a file as editors do: another one takes its name. */
  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
    return path;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Runs a filter. */
  run(words: readonly string[], options?: Parameters<Workshop["command"]>[1]): Child {
    return this.command(["run", ...words], options);
  }

  /** Begins a command. */
  command(
    parameters: readonly string[],
    { environment = {}, writes = false }: {
      readonly environment?: Readonly<Record<string, string>>;
      /** Under Deno: `--allow-write` may not name devices, so that these take all permissions. */
      readonly writes?: boolean | "anywhere";
    } = {},
  ): Child {
    return new Child(MAIN, {
      parameters,
      permissions: writes === "anywhere"
        ? ["--allow-all"]
        : [...PERMISSIONS, ...(writes ? ["--allow-write"] : [])],
      environment,
    });
  }

  /** No rule, chain, table or queue is left of what ran. */
  assertNothingLeft(): void {
    assert.deepEqual([...ownedQueues().keys()], this.#queues);
    assert.deepEqual(RuleSet.leftovers(), []);
    assert.doesNotMatch(command("nft", ["list", "ruleset"]), /nfq_/);
    assert.doesNotMatch(command("iptables-save", []), /nfq_/);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A filter that drops "no", with a rule for a port, as the text of its file. */
export function dropsNo(port: number, more = ""): string {
  return `
import { defineFilter, Verdict } from "@nfqueue/nfqueue";
export default defineFilter({
  rules: { hook: "output", protocol: "udp", destinationPort: ${port} },
  packet(packet) {
    const text = new TextDecoder().decode(packet.udp!.payload);
    if (text === "bad") throw new Error("on purpose");
    if (text === "print") console.log("the filter prints");
    return text === "no" ? Verdict.Drop : Verdict.Accept;
  },
  ${more}
});
`;
}
