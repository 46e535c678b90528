// `nfqueue replay`: filters over recordings, without the kernel.
import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { type CapturedPacket, LINK_TYPE, PcapngWriter, PcapWriter } from "../../src/capture/mod.ts";
import { buildPacket } from "../../src/packet/mod.ts";
import { BareProject } from "../support/packages/bare_project.ts";
import { isBun } from "../support/runtime/child.ts";
import { type CommandEnd, commandWords, runCommand } from "../support/terminal/command_words.ts";
import { Terminal } from "../support/terminal/terminal.ts";

const LIMIT = { timeout: 60_000 } as const;

const udp = (destinationPort: number, payload = "hello"): Uint8Array =>
  buildPacket({
    ipv4: { source: "10.0.0.1", destination: "10.0.0.2" },
    udp: { sourcePort: 5000, destinationPort },
    payload: new TextEncoder().encode(payload),
  });

const record = (bytes: Uint8Array, more: Partial<CapturedPacket> = {}): CapturedPacket => ({
  ...{ bytes: bytes.slice(), timestamp: 1_700_000_000_000_000 },
  ...more,
});

/** A folder with filters and recordings, and the command there. */
class Scene implements Disposable {
  readonly #project = new BareProject({});

  filter(name: string, body: string): void {
    this.#project.write(
      name,
      `import { defineFilter, Verdict } from "@nfqueue/nfqueue";\nexport default ${body};\n`,
    );
  }

  capture(name: string, packets: readonly CapturedPacket[], cut = 0): void {
    const { linkType = LINK_TYPE.RAW } = packets[0]?.interface ?? {};
    const writer = name.endsWith(".pcap") ? new PcapWriter({ linkType }) : new PcapngWriter();
    const parts = [writer.start(), ...packets.map((packet) => writer.packet(packet))];
    const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    writeFileSync(join(this.#project.folder, name), bytes.subarray(0, bytes.length - cut));
  }

  get folder(): string {
    return this.#project.folder;
  }

  replay(...words: string[]): Promise<CommandEnd> {
    return runCommand(commandWords(["replay", ...words]), { folder: this.folder });
  }

  async json(...words: string[]): Promise<{ status: number | null; lines: Line[] }> {
    const { status, output } = await this.replay(...words, "--json");
    return { status, lines: output.trim().split("\n").map((line) => JSON.parse(line) as Line) };
  }

  [Symbol.dispose](): void {
    this.#project[Symbol.dispose]();
  }
}

interface Line {
  readonly type: "packet" | "sum";
  readonly number: number;
  readonly decided: { readonly verdict: string; readonly mark?: number; readonly bytes?: string };
  readonly [name: string]: unknown;
}

const ROUTER = `defineFilter({
  rules: [{ hook: "output", protocol: "udp" }],
  packet(packet) {
    const port = packet.udp?.destinationPort;
    if (port === 53) return Verdict.Drop;
    if (port === 54) packet.accept({ mark: 7 });
    else if (port === 55) { packet.ip.ttl = 9; return Verdict.Accept; }
    else if (port === 56) packet.requeue(9);
    else return Verdict.Accept;
  },
})`;

test(
  "in a terminal: a line a packet, with its verdict and its changes, and a sum",
  LIMIT,
  async () => {
    using scene = new Scene();
    scene.filter("filter.ts", ROUTER);
    scene.capture("all.pcapng", [53, 54, 55, 56, 57].map((port) => record(udp(port))));
    const words = commandWords(["replay", "all.pcapng", "filter.ts"]);
    await using terminal = new Terminal(words, { folder: scene.folder, columns: 200 });
    assert.deepEqual(await terminal.end(), { code: 0, signal: null });
    const lines = terminal.text.trimEnd().split("\n");
    assert.equal(lines.length, 6, terminal.text);
    assert.match(lines[0]!, /^ {4}1 {2}IP 10\.0\.0\.1\.5000 > 10\.0\.0\.2\.53: .*→ drop$/);
    assert.match(lines[1]!, /^ {4}2 .*→ accept, mark 0x7$/);
    assert.match(lines[2]!, /^ {4}3 .*→ accept, changed: IP 10\.0\.0\.1\.5000 > 10\.0\.0\.2\.55: /);
    assert.match(lines[3]!, /^ {4}4 .*→ queue 9$/);
    assert.match(lines[4]!, /^ {4}5 .*→ accept$/);
    assert.equal(lines[5], "5 packets: 1 drop, 3 accept, 1 queue 9; 1 changed");
  },
);

test("--expect compares verdicts, marks and bytes, and names what differs", LIMIT, async () => {
  using scene = new Scene();
  scene.filter("filter.ts", ROUTER);
  const lower = udp(55);
  lower[8] = 9;
  lower[10] = lower[11] = 0;
  const sum = new Uint16Array(10).reduce(
    (all, _, at) => all + (lower[2 * at]! << 8 | lower[2 * at + 1]!),
    0,
  );
  const checksum = ~((sum & 0xffff) + (sum >>> 16)) & 0xffff;
  lower.set([checksum >>> 8, checksum & 0xff], 10);
  const right = [
    record(udp(53), { id: 1, queue: 3, verdict: { verdict: "drop" } }),
    record(udp(54), { id: 2, queue: 3, verdict: { verdict: "accept", mark: 7 } }),
    record(udp(55), { id: 3, queue: 3, verdict: { verdict: "accept" } }),
    record(lower, { id: 3, queue: 3, verdict: { verdict: "accept" } }),
    record(udp(56), { id: 4, queue: 5, verdict: { verdict: "queue 9" } }),
  ];
  scene.capture("right.pcapng", right);
  const agrees = await scene.replay("right.pcapng", "filter.ts", "--expect");
  assert.deepEqual([agrees.status, agrees.errors], [0, ""], agrees.output);
  assert.match(agrees.output, /\n4 packets as recorded\n$/);

  const wrong = [
    record(udp(53), { id: 1, verdict: { verdict: "accept" } }),
    record(udp(54), { id: 2, verdict: { verdict: "accept", mark: 8 } }),
    record(udp(55), { id: 3, verdict: { verdict: "accept" } }),
    record(udp(57), { id: 4, verdict: { verdict: "accept" } }),
    record(lower, { id: 4, verdict: { verdict: "accept" } }),
    record(udp(55), { id: 5, verdict: { verdict: "accept" } }),
    record(udp(56), { id: 5, verdict: { verdict: "accept" } }),
    record(udp(57), { id: 6, verdict: { verdict: "accept" } }),
    record(udp(57), { id: 7 }),
  ];
  scene.capture("wrong.pcapng", wrong);
  const differs = await scene.replay("wrong.pcapng", "filter.ts", "--expect");
  assert.equal(differs.status, 1);
  const told = [...differs.output.matchAll(/differs: (.*)/g)].map(([, text]) => text);
  assert.deepEqual(told, [
    "drop, recorded accept",
    "mark 0x7, recorded 0x8",
    "changed, recorded as it came",
    "as it came, recorded changed",
    "changed otherwise than recorded, from byte 8 on",
  ]);
  assert.match(differs.output, /\n1 packet without a recorded verdict\n/);
  assert.match(differs.output, /\n5 packets not as recorded: 1, 2, 3, 4, 6\n$/);
  const { status, lines } = await scene.json("wrong.pcapng", "filter.ts", "--expect");
  assert.equal(status, 1);
  assert.deepEqual(lines.at(-1), {
    ...{ type: "sum", packets: 7, verdicts: { drop: 1, accept: 6 }, changed: 2, passedOver: 0 },
    ...{ agrees: false, compared: 6, withoutVerdict: 1, different: [1, 2, 3, 4, 6] },
  });
  // The same without --expect is no failure.
  assert.equal((await scene.replay("wrong.pcapng", "filter.ts")).status, 0);

  scene.capture("none.pcapng", [record(udp(53))]);
  const nothing = await scene.replay("none.pcapng", "filter.ts", "--expect");
  assert.equal(nothing.status, 1);
  assert.match(nothing.output, /1 packet without a recorded verdict; nothing could be compared\n$/);
});

test(
  "queue, device, direction, hook, length and checksum flags come from the recording",
  LIMIT,
  async () => {
    using scene = new Scene();
    scene.filter(
      "tells.ts",
      `defineFilter({
      rules: [{ hook: ["forward", "postrouting"] }],
      packet(packet) {
        const { queue, hook, inDevice, outDevice, length, truncated, checksumNotReady, gso, timestamp } = packet;
        console.error(JSON.stringify({ queue, hook, in: inDevice?.name, out: outDevice?.name, length,
          truncated, checksumNotReady, gso, timestamp }));
        return Verdict.Accept;
      },
    })`,
    );
    const device = { name: "uplink0", linkType: LINK_TYPE.RAW, snapLength: 0 };
    const whole = udp(1);
    scene.capture("told.pcapng", [
      record(whole, { interface: device, direction: "inbound", queue: 7, id: 1 }),
      record(whole, {
        interface: device,
        direction: "outbound",
        queue: 9,
        id: 2,
        checksumNotReady: true,
      }),
      record(whole.subarray(0, 28), { length: whole.length, gso: true, id: 3 }),
    ]);
    const { status, errors, output } = await scene.replay("told.pcapng", "tells.ts");
    assert.equal(status, 0, errors);
    const [first, second, third] = errors.trim().split("\n").map((line) => JSON.parse(line));
    const length = whole.length;
    const plain = { length, truncated: false, checksumNotReady: false, gso: false };
    const timestamp = 1_700_000_000_000_000;
    assert.deepEqual(first, { queue: 7, hook: "forward", in: "uplink0", ...plain, timestamp });
    assert.deepEqual(second, {
      ...{ queue: 9, hook: "postrouting", out: "uplink0", ...plain, checksumNotReady: true },
    });
    assert.deepEqual(third, {
      ...{ queue: 7, hook: "forward", ...plain, truncated: true, gso: true, timestamp },
    });
    assert.match(output, /3 packets: 3 accept\n$/);
  },
);

test("pcap and Ethernet: padding goes, what is no IP is passed over", LIMIT, async () => {
  using scene = new Scene();
  scene.filter(
    "length.ts",
    `(packet) => packet.length === ${udp(1).length} ? Verdict.Accept : Verdict.Drop`,
  );
  const header = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
  const frame = (etherType: number, payload: Uint8Array) =>
    record(new Uint8Array([...header, etherType >> 8, etherType & 0xff, ...payload, 0, 0, 0, 0]), {
      interface: { linkType: LINK_TYPE.ETHERNET, snapLength: 0 },
    });
  scene.capture("ethernet.pcap", [frame(0x0800, udp(1)), frame(0x0806, new Uint8Array(28))]);
  const { status, output } = await scene.replay("ethernet.pcap", "length.ts");
  assert.equal(status, 0);
  assert.match(output, /1 packet: 1 accept; 1 record passed over: no IP\n$/);
});

test("promises, holding, deadlines, and handlers that fail", LIMIT, async () => {
  using scene = new Scene();
  const packets = Array.from({ length: 3000 }, (_, at) => record(udp(at + 1, `packet ${at}`)));
  scene.capture("many.pcapng", packets);
  scene.filter(
    "holds.ts",
    `defineFilter({
      options: { maxLength: 200, concurrency: 150 },
      start({ state }) { state.held = []; },
      async packet(packet, { state }) {
        if (packet.udp.destinationPort % 3 === 0) {
          state.held.push(packet);
          packet.hold();
          if (state.held.length === 100) for (const one of state.held.splice(0)) one.drop();
          return;
        }
        await new Promise((resolve) => setImmediate(resolve));
        return Verdict.Accept;
      },
      stop({ state }) { for (const one of state.held) one.repeat(); },
    })`,
  );
  const held = await scene.json("many.pcapng", "holds.ts");
  assert.equal(held.status, 0);
  const sum = held.lines.pop();
  assert.deepEqual(sum?.["verdicts"], { accept: 2000, drop: 1000 });
  // In the order of the file, whenever they were decided.
  assert.deepEqual(held.lines.map(({ number }) => number), packets.map((_, at) => at + 1));
  assert.ok(
    held.lines.every(({ number, decided }) =>
      decided.verdict === (number % 3 === 0 ? "drop" : "accept")
    ),
  );

  // Held packets fill it, as they do in the kernel: what comes then is lost, and soon told.
  scene.filter(
    "full.ts",
    `defineFilter({ options: { maxLength: 10 }, packet: (packet) => packet.hold() })`,
  );
  const full = await scene.json("many.pcapng", "full.ts");
  assert.deepEqual(full.lines.pop()?.["verdicts"], { drop: 10, "without room": 2990 });
  assert.equal(full.lines.filter(({ cause }) => cause === "close").length, 10);

  scene.capture("few.pcapng", packets.slice(0, 3));
  scene.filter(
    "deadline.ts",
    `defineFilter({
      options: { deadline: { milliseconds: 50, verdict: Verdict.Stop } },
      packet(packet) {
        if (packet.udp.destinationPort === 1) return packet.hold();
        if (packet.udp.destinationPort === 2) throw new Error("number two");
        return Verdict.Accept;
      },
    })`,
  );
  const { status, output, errors } = await scene.replay("few.pcapng", "deadline.ts");
  assert.equal(status, 0);
  assert.match(
    output,
    /→ stop \(the deadline passed\)\n.*→ drop \(the handler failed\)\n.*→ accept\n/,
  );
  assert.match(errors, /the handler failed, packet 2 got [Dd]rop: Error: number two/);
});

test("what a filter never decides is told", LIMIT, async () => {
  using scene = new Scene();
  scene.capture("few.pcapng", [record(udp(1)), record(udp(2))]);
  scene.filter(
    "never.ts",
    `defineFilter({ packet(packet, { queue, state }) {
      if (!state.one) { state.one = true; return packet.hold(); }
      packet.accept();
      queueMicrotask(() => queue.close());
    } })`,
  );
  const { output } = await scene.replay("few.pcapng", "never.ts");
  assert.match(output, / {4}1 .*→ drop \(still held at the end\)\n {4}2 .*→ accept\n/);
});

test("files that are not there, broken, or no filters", LIMIT, async () => {
  using scene = new Scene();
  scene.filter("filter.ts", ROUTER);
  scene.filter("empty.ts", "undefined");
  scene.capture("cut.pcapng", [record(udp(53)), record(udp(57)), record(udp(57))], 5);
  writeFileSync(join(scene.folder, "text.pcap"), "this is no capture\n");
  const cut = await scene.replay("cut.pcapng", "filter.ts");
  assert.equal(cut.status, 1);
  assert.match(cut.output, /→ drop\n.*→ accept\n2 packets: 1 drop, 1 accept\n$/);
  assert.match(cut.errors, /^nfqueue replay: "cut\.pcapng": the capture ends in the middle of/);
  const cases: readonly (readonly [capture: string, filter: string, message: RegExp])[] = [
    ["text.pcap", "filter.ts", /"text\.pcap": this is neither pcap nor pcapng/],
    ["none.pcap", "filter.ts", /"none\.pcap" cannot be read/],
    ["cut.pcapng", "none.ts", /there is no file "none\.ts"; nfqueue init none\.ts writes one/],
    ["cut.pcapng", "empty.ts", /empty\.ts exports no filter by default/],
  ];
  for (const [capture, filter, message] of cases) {
    const { status, errors } = await scene.replay(capture, filter);
    assert.equal(status, 1, capture);
    assert.match(errors, message);
    assert.doesNotMatch(errors, /\n {4}at /);
  }
  assert.equal((await scene.replay("cut.pcapng")).status, 2);
});

test("Ctrl-C ends it, and the filter's stop is called", LIMIT, async () => {
  using scene = new Scene();
  scene.capture("one.pcapng", [record(udp(1))]);
  scene.filter(
    "waits.ts",
    `defineFilter({
      packet(packet) { packet.hold(); console.log("held"); },
      stop() { console.log("stopped"); },
    })`,
  );
  const words = commandWords(["replay", "one.pcapng", "waits.ts"]);
  await using terminal = new Terminal(words, { folder: scene.folder });
  await terminal.says("held");
  terminal.type("\x03");
  assert.deepEqual(await terminal.end(), { code: 130, signal: null });
  assert.match(terminal.text, /stopped\n/);
});

test("what nfqueue init writes is a filter that runs", LIMIT, async () => {
  using scene = new Scene();
  const init = commandWords(["init"], { permissions: ["--allow-write"] });
  assert.equal((await runCommand(init, { folder: scene.folder })).status, 0);
  scene.capture("one.pcapng", [record(udp(1))]);
  const { status, output, errors } = await scene.replay("one.pcapng", "filter.ts");
  assert.deepEqual([status, errors], [0, ""]);
  assert.match(output, /^IP 10\.0\.0\.1\.5000 > .*\n {4}1 .*→ accept\n1 packet: 1 accept\n$/);
});

test("it needs neither root nor a capability", {
  ...LIMIT,
  ...(process.getuid?.() === 0 ? {} : { skip: "it is no root anyway" }),
}, async () => {
  using scene = new Scene();
  scene.filter("filter.ts", ROUTER);
  scene.capture("one.pcapng", [record(udp(53))]);
  const { status, output, errors } = await runCommand([
    ...["setpriv", "--bounding-set=-all", "--inh-caps=-all"],
    ...commandWords(["replay", "one.pcapng", "filter.ts"]),
  ], { folder: scene.folder });
  assert.deepEqual([status, errors], [0, ""], isBun ? "bun" : "deno");
  assert.match(output, /→ drop\n/);
});
