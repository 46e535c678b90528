// The command from the npm package runs a user's filter, written in TypeScript, that drops real packets.

import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { VERSION } from "../../src/cli/package/version.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { BareProject } from "../support/packages/bare_project.ts";
import { npmPackage, projectWith, Registry } from "../support/packages/npm_package.ts";
import { isBun } from "../support/runtime/child.ts";
import { runCommand } from "../support/terminal/command_words.ts";
import { Terminal } from "../support/terminal/terminal.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const timeout = 120_000;
const only = (runtime: "deno" | "bun") =>
  (runtime === "bun") === isBun ? { timeout } : { timeout, skip: `it is ${runtime}'s` };
const PERMISSIONS = ["--no-prompt", "--allow-ffi", "--allow-read", "--allow-env"];

/** A filter of a user: types are the package's. */
const filterFor = (port: number) => `
import { defineFilter, type Packet, Verdict } from "@nfqueue/nfqueue";

export default defineFilter({
  rules: [{ hook: "output", protocol: "udp", destinationPort: ${port} }],
  packet(packet: Packet) {
    const text = new TextDecoder().decode(packet.udp?.payload);
    return text.startsWith("drop") ? Verdict.Drop : Verdict.Accept;
  },
});
`;

/** Runs the command over filter.ts in a terminal, and sends it packets. */
async function drops(
  project: BareProject,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  project.write("filter.ts", filterFor(receiver.port));
  await using running = new Terminal([...words, "run", "filter.ts"], {
    folder: project.folder,
    environment,
  });
  await running.says("filter.ts runs on queue", 60_000);
  for (const text of ["one", "drop this", "two", "drop that", "three"]) {
    await sender.send(text, receiver);
  }
  assert.deepEqual(await receiver.take(3), ["one", "two", "three"]);
  assert.deepEqual(receiver.pending, []);
  running.type("\x03");
  assert.deepEqual(await running.end(), { code: 130, signal: null });
  assert.match(running.text, /5 packets: 3 accepted, 2 dropped, 0 lost/);
}

test("by npm: from a registry", only("deno"), async () => {
  await using registry = await Registry.open(await npmPackage());
  // As \`deno add\` writes it.
  using project = new BareProject({
    "deno.json": { imports: { "@nfqueue/nfqueue": `npm:@nfqueue/nfqueue@^${VERSION}` } },
  });
  const environment = { ...registry.environment, DENO_DIR: join(project.folder, ".deno") };
  const words = [process.execPath, "run", ...PERMISSIONS, `npm:@nfqueue/nfqueue@^${VERSION}/cli`];
  await drops(project, words, environment);
});

test("from node_modules", { timeout }, async () => {
  using project = await projectWith(await npmPackage(), {});
  const program = join(project.folder, "node_modules/.bin/nfqueue");
  const words = isBun
    ? [process.execPath, program]
    : [process.execPath, "run", ...PERMISSIONS, program];
  await drops(project, words, { DENO_DIR: join(project.folder, ".deno") });
});

test("doctor works from node_modules", { timeout }, async () => {
  using project = await projectWith(await npmPackage(), {});
  const program = join(project.folder, "node_modules/.bin/nfqueue");
  const words = [process.execPath, ...(isBun ? [] : ["run", ...PERMISSIONS]), program];
  const { output, errors } = await runCommand([...words, "doctor", "--json"], {
    folder: project.folder,
    environment: { DENO_DIR: join(project.folder, ".deno") },
  });
  const { findings } = JSON.parse(output || "{}") as {
    readonly findings?: readonly { readonly code: string; readonly severity: string }[];
  };
  const severities = new Map(findings?.map(({ code, severity }) => [code, severity]));
  // What the command found from inside of the package: the runtime, and the library by FFI.
  for (const code of ["runtime", "library", "capability", "kernel-queue"]) {
    assert.equal(severities.get(code), "ok", `${code}: ${output}${errors}`);
  }
});
