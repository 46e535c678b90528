// What `nfqueue run --record` has written on real packets, `nfqueue replay --expect` finds again.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { decodeCapture } from "../../src/capture/mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { BareProject } from "../support/packages/bare_project.ts";
import { commandWords, runCommand } from "../support/terminal/command_words.ts";
import { Terminal } from "../support/terminal/terminal.ts";

requireIsolation();

const filter = (edited: string) =>
  `import { defineFilter, Verdict } from "@nfqueue/nfqueue";
export default defineFilter({
  rules: [{ hook: "output", protocol: "udp", destinationPort: { from: 5300, to: 5303 } }],
  async packet(packet) {
    const port = packet.udp.destinationPort;
    await new Promise((resolve) => setTimeout(resolve, packet.udp.payload[0] % 5));
    if (port === 5300) return Verdict.Drop;
    if (port === 5301) return packet.accept({ mark: 7 });
    // The kernel itself rejects it here, and there is none when it is replayed.
    if (port === 5303) return packet.reject();
    if (port === 5302) packet.replacePayload(packet.payload.map((byte, at) => at < 28 ? byte : ${edited}));
    return Verdict.Accept;
  },
});
`;
const COUNT = 200;

test("a recording of real packets is replayed alike; another filter is found out", {
  timeout: 60_000,
}, async () => {
  using project = new BareProject({ "filter.ts": filter("65"), "other.ts": filter("66") });
  const folder = project.folder;
  const words = ["run", "filter.ts", "--record", "live.pcapng"];
  await using terminal = new Terminal(commandWords(words, { permissions: ["--allow-write"] }), {
    folder,
  });
  await terminal.says("filter.ts runs on queue");
  const script =
    `for at in $(seq ${COUNT}); do echo packet $at >/dev/udp/127.0.0.1/$((5300 + at % 4)) || true; done`;
  await runCommand(["bash", "-c", script]);
  terminal.type("\x03");
  assert.deepEqual(await terminal.end(), { code: 130, signal: null });

  const records = [...decodeCapture(readFileSync(join(folder, "live.pcapng")))];
  const ids = new Set(records.map(({ id }) => id));
  assert.equal(ids.size, COUNT, terminal.text);
  assert.equal(records.length, COUNT + COUNT / 4);
  const replay = (name: string) =>
    runCommand(commandWords(["replay", "live.pcapng", name, "--expect"]), { folder });
  const same = await replay("filter.ts");
  assert.deepEqual([same.status, same.errors], [0, ""], same.output);
  assert.match(same.output, new RegExp(`\n${COUNT} packets as recorded\n$`));
  const other = await replay("other.ts");
  assert.equal(other.status, 1);
  assert.match(other.output, /differs: changed otherwise than recorded, from byte \d+ on/);
  assert.match(other.output, new RegExp(`\n${COUNT / 4} packets not as recorded: `));
});
