// What README says about using a clone of the repository: each way, in an empty folder, offline.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BareProject, repository } from "../support/packages/bare_project.ts";
import { runtime as own } from "../support/runtime/child.ts";

const main = `
import { PacketQueue } from "@nfqueue/nfqueue";
import { ipq_create_handle } from "@nfqueue/nfqueue/ipq";
import { NfqHandle } from "@nfqueue/nfqueue/libnetfilter_queue";
import { buildPacket } from "@nfqueue/nfqueue/packet";
console.log([PacketQueue, ipq_create_handle, NfqHandle, buildPacket].map(({ name }) => name).join());
`;
const expected = "PacketQueue,ipq_create_handle,NfqHandle,buildPacket\n";

const { exports } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, string>>;
};
const imports = Object.fromEntries(
  Object.entries(exports)
    .map(([entry, path]) => [`@nfqueue/nfqueue${entry.slice(1)}`, join(repository, path)]),
);

/** The command that README names, or the file; then the program runs. */
const ways = [
  { name: "deno link FOLDER", runtime: "deno", words: ["link", repository] },
  { name: "an import map", runtime: "deno", files: { "deno.json": { imports } } },
  {
    name: "the clone's own deno.json",
    runtime: "deno",
    flags: ["--config", join(repository, "deno.json")],
  },
  { name: "bun add link:FOLDER", runtime: "bun", words: ["add", `link:${repository}`] },
] as const;

for (const { name, runtime, ...way } of ways) {
  const other = runtime !== own;
  test(`a clone is found by ${name}`, {
    timeout: 60_000,
    ...(other ? { skip: `it is ${runtime}'s` } : {}),
  }, async () => {
    using project = new BareProject({ "main.ts": main, ...("files" in way ? way.files : {}) });
    const run = () =>
      project.run(runtime, ["run", ...("flags" in way ? way.flags : []), "main.ts"]);
    if ("words" in way) {
      const { status, text } = await project.run(runtime, way.words);
      assert.equal(status, 0, text);
    }
    assert.deepEqual(await run(), { status: 0, text: expected });
    if (runtime === "deno") return;
    // What a later install would take away is no way.
    const { status, text } = await project.run(runtime, ["install"]);
    assert.equal(status, 0, text);
    assert.deepEqual(await run(), { status: 0, text: expected });
  });
}
