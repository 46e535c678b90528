// What is no file where a file is meant: pipes, devices, directories, addresses; and one file twice.
import assert from "node:assert/strict";
import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { test } from "node:test";
import { buildPacket } from "../../../src/packet/mod.ts";
import { LINK_TYPE, PcapWriter } from "../../../src/capture/mod.ts";
import { PacketQueue } from "../../../mod.ts";
import { nextQueue } from "../../support/queue/numbers.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { command } from "../../support/runtime/command.ts";
import { until } from "../../support/runtime/waiting.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";
import { dropsNo, Workshop } from "./workshop.ts";

requireIsolation();

const limit = { timeout: 60_000 };

/** Whether one of its threads waits for the other end of this named pipe, or it has the pipe open. */
function waitsForPipe(pid: number, path: string): boolean {
  const folder = `/proc/${pid}/task`;
  const waits = readdirSync(folder).some((id) =>
    readFileSync(`${folder}/${id}/wchan`, "utf8").includes("wait_for_partner")
  );
  return waits || readdirSync(`/proc/${pid}/fd`).some((descriptor) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${descriptor}`) === path;
    } catch {
      return false; // closed meanwhile
    }
  });
}

function pipe(workshop: Workshop, name: string): string {
  const path = workshop.path(name);
  command("mkfifo", [path]);
  return path;
}

test("a filter that is no file is refused at once", limit, async () => {
  using workshop = new Workshop();
  const refused: readonly (readonly [string, RegExp])[] = [
    ["-", /not read from standard input/],
    ["https://example.com/filter.ts", /on this machine, and no address/],
    [workshop.folder, /a filter is a regular file/],
    ["/dev/zero", /a filter is a regular file/],
    [pipe(workshop, "pipe.ts"), /a filter is a regular file/],
  ];
  for (const [file, message] of refused) {
    await using child = workshop.run([file]);
    assert.deepEqual(await child.end(), { code: 1, signal: null }, file);
    assert.match(child.errors, message);
  }
  // What only looks like an import, and has no end, is not read in search of further imports.
  const path = workshop.write(
    "filter.ts",
    `// import "/dev/zero";\nexport default { packet() {}, start() { throw new Error("begun"); } };`,
  );
  await using child = workshop.run([path, "--watch"]);
  assert.deepEqual(await child.end(), { code: 1, signal: null });
  assert.match(child.errors, /begun/);
  workshop.assertNothingLeft();
});

test("--record spares the filter, and waits for no reader of a pipe", limit, async () => {
  using workshop = new Workshop();
  const text = dropsNo(9, 'start() { throw new Error("it was begun"); }');
  const path = workshop.write("filter.ts", text);
  symlinkSync(path, workshop.path("link"));
  const refused: readonly (readonly [string, number, RegExp])[] = [
    [workshop.path("link"), 2, /--record would overwrite .*filter\.ts/],
    [pipe(workshop, "pipe"), 1, /a pipe that nobody reads/],
    [workshop.folder, 1, /cannot be written: .*directory/i],
  ];
  for (const [record, code, message] of refused) {
    await using child = workshop.run([path, "--record", record], { writes: true });
    assert.deepEqual(await child.end(), { code, signal: null }, record);
    assert.match(child.errors, message);
    assert.doesNotMatch(child.errors, /it was begun/);
  }
  assert.equal(readFileSync(path, "utf8"), text);
});

test("a pipe that is full holds up no packet", limit, async () => {
  using workshop = new Workshop();
  using socket = await UdpSocket.open();
  const path = workshop.write("filter.ts", dropsNo(socket.port));
  const record = pipe(workshop, "pipe");
  const reader = openSync(record, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    await using child = workshop.run([path, "--record", record], { writes: true });
    await child.says("Ctrl-C ends it");
    for (let round = 0; round < 20; round++) {
      // More than a pipe holds.
      await socket.sendAll(Array.from({ length: 10 }, () => "x".repeat(1000)), socket);
      assert.equal((await socket.take(10)).length, 10);
    }
    child.kill("SIGINT");
    assert.deepEqual(await child.end(), { code: 130, signal: null });
    assert.match(child.output, /200 packets: 200 accepted, 0 dropped, 0 lost; 200 recorded/);
  } finally {
    closeSync(reader);
  }
  workshop.assertNothingLeft();
});

test("dump and replay: a pipe without a writer, one file twice", limit, async () => {
  using workshop = new Workshop();
  const filter = workshop.write("filter.ts", dropsNo(9));
  const source = pipe(workshop, "pipe");
  {
    await using child = workshop.command(["dump", "-r", source]);
    await until(() => waitsForPipe(child.pid, source), { what: "the command opens the pipe" });
    child.kill("SIGINT");
    assert.deepEqual(await child.end(), { code: 130, signal: null });
  }
  {
    await using child = workshop.command(["replay", source, filter]);
    assert.deepEqual(await child.end(), { code: 1, signal: null });
    assert.match(child.errors, /it is read twice, so it must be a file/);
  }
  const writer = new PcapWriter({ linkType: LINK_TYPE.RAW });
  const bytes = buildPacket({ ipv4: { source: "10.0.0.1", destination: "10.0.0.2" }, udp: {} });
  const capture = Buffer.concat([writer.start(), writer.packet({ bytes, timestamp: 0 })]);
  {
    // Ctrl-C also while the writer is silent; and what comes by a pipe is shown to its end.
    await using silent = workshop.command(["dump", "-r", source]);
    await until(() => waitsForPipe(silent.pid, source), { what: "the command opens the pipe" });
    const end = openSync(source, constants.O_WRONLY);
    try {
      writeSync(end, capture);
      await silent.says("10.0.0.1");
      silent.kill("SIGINT");
      assert.deepEqual(await silent.end(), { code: 130, signal: null });
    } finally {
      closeSync(end);
    }
    await using whole = workshop.command(["dump", "-r", source]);
    await until(() => waitsForPipe(whole.pid, source), { what: "the command opens the pipe" });
    const other = openSync(source, constants.O_WRONLY);
    writeSync(other, capture.subarray(0, 30));
    writeSync(other, capture.subarray(30));
    closeSync(other);
    assert.deepEqual(await whole.end(), { code: 0, signal: null }, whole.errors);
    assert.match(whole.output, /10\.0\.0\.1/);
  }
  const path = workshop.path("capture.pcap");
  writeFileSync(path, capture);
  symlinkSync(path, workshop.path("again.pcap"));
  await using child = workshop.command(["dump", "-r", path, "-w", workshop.path("again.pcap")], {
    writes: true,
  });
  assert.deepEqual(await child.end(), { code: 2, signal: null });
  assert.deepEqual(readFileSync(path), capture);
});

test("a recording is not lost where the command cannot begin", limit, async () => {
  using workshop = new Workshop();
  const path = workshop.write("filter.ts", dropsNo(9));
  const record = workshop.write("old.pcapng", "of yesterday");
  using queue = PacketQueue.open(nextQueue());
  for (const words of [["run", path, "--record", record], ["dump", "-w", record]]) {
    await using child = workshop.command([...words, "-q", `${queue.number}`], { writes: true });
    assert.deepEqual(await child.end(), { code: 1, signal: null });
    assert.match(child.errors, /is owned by/);
    assert.equal(readFileSync(record, "utf8"), "of yesterday");
  }
});
