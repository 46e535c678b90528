// `nfqueue run --watch`: a changed file takes the place of the one that runs.

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { queueStatistics } from "../../../mod.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { type Child, isBun, isNode } from "../../support/runtime/child.ts";
import { until } from "../../support/runtime/waiting.ts";
import { NumberedTraffic } from "../../support/traffic/numbered.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";
import { dropsNo, Workshop } from "./workshop.ts";

requireIsolation();

const reloads = 50;
const rate = 2000;

/** How often it has said so. */
const count = (text: string, part: string): number => text.split(part).length - 1;

/** Waits until it has said so so many times. */
async function says(child: Child, part: string, times: number): Promise<void> {
  const all = () => child.output + child.errors;
  await until(() => count(all(), part) >= times, { what: `it says ${part}`, state: all });
  assert.equal(count(all(), part), times, all());
}

/** A filter that tells at its end which numbers it has decided about. */
function counting(port: number, version: number): string {
  const rules = version % 3 === 0 ? "input" : "output";
  return `
import { defineFilter, Verdict } from "@nfqueue/nfqueue";
import { accept } from "./accept.ts";
export default defineFilter({
  rules: [
    { hook: "output", protocol: "udp", destinationPort: ${port} },
    { hook: "${rules}", protocol: 132 },
  ],
  options: { copyRange: ${100 + version % 7}, maxLength: 60_000 },
  start({ state }) {
    state.numbers ??= [];
    state.starts = (state.starts ?? 0) + 1;
  },
  packet(packet, { state }) {
    state.numbers.push(Number(new TextDecoder().decode(packet.udp.payload)));
    return ${version % 2 === 0 ? "accept(packet)" : "Promise.resolve(Verdict.Accept)"};
  },
  stop({ state }) {
    console.log(JSON.stringify({ version: ${version}, ...state }));
    state.numbers = [];
  },
});
`;
}

test(
  `${reloads} reloads under ${rate} packets/s: 0 lost, 0 twice`,
  { timeout: 150_000 },
  async () => {
    using workshop = new Workshop();
    await using traffic = await NumberedTraffic.open();
    workshop.write("accept.ts", "export const accept = (packet) => packet.accept();");
    const path = workshop.write("filter.ts", counting(traffic.port, 0));
    await using child = workshop.run([path, "--watch"]);
    await child.says("Ctrl-C ends it");
    await traffic.begin(rate);
    for (let version = 1; version <= reloads; version++) {
      workshop.write("filter.ts", counting(traffic.port, version));
      await says(child, "is loaded anew", version);
    }
    const sent = await traffic.stop();
    child.kill("SIGINT");
    assert.deepEqual(await child.end(), { code: 130, signal: null });
    const told = child.output.split("\n").filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      told.map(({ version }) => version),
      Array.from({ length: reloads + 1 }, (_, at) => at),
    );
    assert.deepEqual(told.map(({ starts }) => starts), told.map(({ version }) => version + 1));
    await traffic.assertWhole(sent, told.flatMap(({ numbers }) => numbers));
    const busy = told.filter(({ numbers }) => numbers.length > 0).length;
    assert.ok(busy > reloads * 0.6, `only ${busy} had packets`);
    assert.match(child.output, /loaded anew; the rules are replaced; changed: copyRange/);
    assert.equal(child.errors, "");
    workshop.assertNothingLeft();
  },
);

test("a file with an error keeps the old one; what is set right is loaded", {
  timeout: 90_000,
}, async () => {
  using workshop = new Workshop();
  using socket = await UdpSocket.open();
  const good = dropsNo(socket.port);
  const filters = async () => {
    await socket.sendAll(["no", "yes"], socket);
    assert.deepEqual(await socket.take(1), ["yes"]);
  };
  const path = workshop.write("filter.ts", good);
  await using child = workshop.run([path, "--watch"]);
  await child.says("Ctrl-C ends it");
  const wrong: readonly (readonly [text: string, said: RegExp])[] = [
    ["this is no program", /cannot be loaded: [^]*xpected/],
    ["export default {};", /filter\.packet must be a function/],
    [good.replace("destinationPort", "port"), /rules has no "port"/],
    [good.replace('hook: "output"', 'hook: "output", outDevice: "nosuch0"'), /no device "nosuch0"/],
    [dropsNo(socket.port, 'start() { throw new Error("cannot start") },'), /cannot start/],
    [dropsNo(socket.port, "options: { copyRange: -1 },"), /copyRange must be/],
    [dropsNo(socket.port, "start() { throw Object.create(null); },"), /cannot be shown/],
    [dropsNo(socket.port, "start(context) { context.state = {}; },"), /state|readonly|read-only/],
  ];
  let kept = 0;
  for (const [text, said] of wrong) {
    workshop.write("filter.ts", text);
    await says(child, "The filter that was loaded before goes on", ++kept);
    assert.match(child.errors, said);
    await filters();
  }
  // An editor may take it away for a moment.
  rmSync(path);
  await says(child, "The filter that was loaded before goes on", ++kept);
  await filters();
  assert.ok(!child.errors.includes("src/cli/"), "no line of our own stack");
  workshop.write("filter.ts", good.replace('"no"', '"never"'));
  await says(child, "is loaded anew", 1);
  await socket.send("no", socket);
  assert.deepEqual(await socket.take(1), ["no"]);
  child.kill("SIGINT");
  assert.deepEqual(await child.end(), { code: 130, signal: null });
  workshop.assertNothingLeft();
});

test("options change where they can, and the others are named", { timeout: 60_000 }, async () => {
  using workshop = new Workshop();
  const path = workshop.write("filter.ts", dropsNo(9));
  await using child = workshop.run([path, "--watch", "-q", "61"]);
  await child.says("Ctrl-C ends it");
  workshop.write(
    "filter.ts",
    dropsNo(9, "options: { copyRange: 77, batchSize: 3, uidGid: true },"),
  );
  await says(child, "is loaded anew; changed: copyRange, uidGid; restart for batchSize\n", 1);
  assert.equal(queueStatistics(61)?.copyRange, 77);
  child.kill("SIGINT");
  await child.end();
});

test("rules of a changed file that catch the SSH connection are warned of", {
  timeout: 60_000,
}, async () => {
  using workshop = new Workshop();
  const path = workshop.write("filter.ts", dropsNo(9));
  const environment = { SSH_CONNECTION: "192.0.2.7 50000 192.0.2.1 22" };
  await using child = workshop.run([path, "--watch"], { environment });
  await child.says("Ctrl-C ends it");
  assert.equal(child.errors, "");
  const rule = 'hook: "input", source: "192.0.2.7", destinationPort: 22, bypass: false';
  workshop.write("filter.ts", `export default { rules: { ${rule} }, packet: () => 1 };`);
  await says(child, "is loaded anew; the rules are replaced", 1);
  assert.match(child.errors, /catches this SSH connection/);
  child.kill("SIGINT");
  await child.end();
  workshop.assertNothingLeft();
});

test("a file that the filter imports is loaded anew, or the line says that it is not", {
  timeout: 60_000,
}, async () => {
  using workshop = new Workshop();
  using socket = await UdpSocket.open();
  const text = dropsNo(socket.port).replace('text === "no"', "text === word")
    .replace("import", 'import { word } from "./folder/word.ts";\nimport');
  workshop.write("folder.ts", "");
  const word = (value: string) => `export const word = ${JSON.stringify(value)};`;
  const path = workshop.write("filter.ts", text.replace("./folder/", "./"));
  workshop.write("word.ts", word("no"));
  await using child = workshop.run([path, "--watch"]);
  await child.says("Ctrl-C ends it");
  workshop.write("word.ts", word("never"));
  if (isBun) await says(child, "is loaded anew", 1);
  else await says(child, `word.ts is not loaded anew: under ${isNode ? "Node" : "Deno"} only`, 1);
  await socket.sendAll(["no", "yes"], socket);
  assert.deepEqual(await socket.take(isBun ? 2 : 1), isBun ? ["no", "yes"] : ["yes"]);
  // It is said each time.
  workshop.write("filter.ts", `${text.replace("./folder/", "./")}// changed\n`);
  await says(child, "filter.ts is loaded anew", isBun ? 2 : 1);
  if (!isBun) {
    await says(child, `word.ts is not loaded anew: under ${isNode ? "Node" : "Deno"} only`, 2);
  }
  child.kill("SIGINT");
  await child.end();
});
