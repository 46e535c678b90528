// Every sentence that says what to do, in the situation in which it is given.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { PacketQueue } from "../../mod.ts";
import { command } from "../support/runtime/command.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child, isBun, isDeno, type SpawnOptions } from "../support/runtime/child.ts";
import { until } from "../support/runtime/waiting.ts";

requireIsolation();

const timeout = 60_000;
const script = new URL("fixtures/advice.ts", import.meta.url);

/** What fixtures/advice.ts prints of one attempt; without a name it went well. */
interface Attempt {
  readonly step: string;
  readonly name?: string;
  readonly message?: string;
  readonly known?: boolean;
  readonly cause?: string;
}

async function attempts(
  situation: string,
  { queue = nextQueue(2), ...options }: SpawnOptions & { readonly queue?: number } = {},
): Promise<Attempt[]> {
  await using child = new Child(script, { parameters: [situation, queue], ...options });
  const end = await child.end(30_000);
  assert.deepEqual(end, { code: 0, signal: null }, child.output + child.errors);
  const lines = child.output.trim().split("\n").map((line) => JSON.parse(line) as Attempt);
  for (const { name, known, message } of lines) {
    assert.ok(name === undefined || known, `${message}`);
  }
  return lines;
}

async function message(
  situation: string,
  options?: Parameters<typeof attempts>[1],
): Promise<string> {
  const [first] = await attempts(situation, options);
  assert.notEqual(first?.message, undefined, "it was opened");
  return first?.message ?? "";
}

const withoutCapability = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-all", "--"];
/** Mounts end with the program; $1 is the library's own file. */
const mounted = (
  commands: string,
) => ["unshare", "-m", "bash", "-ec", `${commands}; shift; exec "$@"`, "bash", library()];

/** Where the system has libnetfilter_queue. */
function library(): string {
  const line = command("ldconfig", ["-p"]).split("\n")
    .find((line) => line.includes("libnetfilter_queue.so.1") && line.includes("64"));
  const path = line?.split("=> ")[1];
  assert.ok(path !== undefined, "libnetfilter_queue is not in the linker's cache");
  return command("readlink", ["-f", path]).trim();
}

test("a queue that this process has, whichever port it is", { timeout }, async () => {
  const [again, closed] = await attempts("twice");
  assert.match(again?.message ?? "", /this very process.*still open.*another queue number/);
  assert.doesNotMatch(again?.message ?? "", /--hot|stop that program|CAP_NET_ADMIN/);
  assert.equal(closed?.message, undefined);
});

test("a queue that a worker has, running or terminated", { timeout }, async () => {
  const lines = await attempts("worker");
  assert.equal(lines.length, 2);
  for (const { message } of lines) {
    assert.match(message ?? "", /this very process.*worker that was terminated/);
  }
});

test("a queue that another process has", { timeout }, async () => {
  using queue = PacketQueue.open(nextQueue());
  const text = await message("plain", { queue: queue.number });
  assert.match(text, new RegExp(`another process \\(netlink port ${queue.portId}\\b`));
  assert.match(text, /stop that program, or use another queue number/);
  assert.doesNotMatch(text, /this very process|--hot/);
});

test("bun --hot: a second open in the same process names the flag", {
  timeout,
  ...(isBun ? {} : { skip: "only Bun has it" }),
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "nfqueue-hot-"));
  try {
    const path = join(folder, "hot.ts");
    const source = `
      import { PacketQueue } from ${JSON.stringify(new URL("../../mod.ts", import.meta.url).href)};
      try {
        PacketQueue.open(Number(process.argv[2]));
        console.log("opened");
      } catch (error) {
        console.log(String(error));
      }
      setInterval(() => {}, 1000);
    `;
    writeFileSync(path, source);
    await using child = new Child(pathToFileURL(path), {
      flags: ["--hot"],
      parameters: [nextQueue()],
    });
    await child.says("opened\n");
    writeFileSync(path, `${source}\n// changed\n`);
    await until(() => child.output.split("\n").length > 2, {
      what: "the changed program runs",
      state: () => child.output + child.errors,
    });
    assert.match(child.output, /started with --hot: .*--watch.*globalThis.*close it/);
    assert.doesNotMatch(child.output, /worker/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("no library: how to install it", { timeout }, async () => {
  // The folder as it is, without the library.
  const text = await message("plain", {
    prefix: mounted(`
      folder=$(dirname "$1"); real=$(mktemp -d); copy=$(mktemp -d)
      mount --bind "$folder" "$real"; ln -s "$real"/* "$copy"; rm "$copy"/libnetfilter_queue*
      mount --bind "$copy" "$folder"`),
  });
  assert.match(text, /^cannot open libnetfilter_queue\. Install it:\n/);
  for (const system of ["Debian", "Fedora", "Arch", "Alpine", "openSUSE"]) {
    assert.match(text, new RegExp(system));
  }
  assert.match(text, /name the file in the environment variable NFQUEUE_LIBRARY/);
});

test("a file in the library's place that is none: which, and why", { timeout }, async () => {
  for (
    const [other, reason] of [
      ["$(mktemp)", /file too short|Exec format|cannot read/i],
      [
        '$(ldconfig -p | sed -n "s/.*libm.so.6.*x86-64.*=> //p;s/.*libm.so.6.*AArch64.*=> //p" | head -n1)',
        /nfq_/,
      ],
    ] as const
  ) {
    const text = await message("plain", { prefix: mounted(`mount --bind "${other}" "$1"`) });
    assert.match(text, /what is here by its name cannot be used\.\n.*libnetfilter_queue\.so\.1: /);
    assert.match(text, reason);
    assert.match(text, /Install it anew, for this processor:\n/);
  }
});

test("NFQUEUE_LIBRARY names what is no such library: correct it or take it away", {
  timeout,
}, async () => {
  for (
    const [file, reason] of [
      ["/nonexistent/library.so", /No such file/],
      ["/etc/passwd", /invalid ELF header|file too short|Exec format/],
      ["libm.so.6", /nfq_/],
    ] as const
  ) {
    const text = await message("plain", { environment: { NFQUEUE_LIBRARY: file } });
    assert.match(text, /NFQUEUE_LIBRARY names a file that cannot be used\.\n/);
    assert.ok(text.includes(`  ${file}: `), text);
    assert.match(text, reason);
    assert.match(text, /Name another one there, or take the variable away/);
    assert.doesNotMatch(text, /or name the file in|Install/);
  }
});

test("no descriptors left, at the first open and at later ones", { timeout }, async () => {
  const lines = await attempts("descriptors", {
    prefix: ["bash", "-c", 'ulimit -n 200; exec "$@"', "bash"],
  });
  const failed = lines.filter(({ name }) => name !== undefined);
  for (const { step, message = "" } of failed) {
    assert.match(message, /Close some|close some/, step);
    assert.match(message, /ulimit -n/, step);
    assert.doesNotMatch(message, /Install|NFQUEUE_LIBRARY|modprobe|CAP_NET_ADMIN|version/, step);
  }
  const steps = failed.map(({ step }) => step);
  for (const step of ["first, 0 left", "later, 0 left", "statistics"]) {
    assert.ok(steps.includes(step), `${step} went well`);
  }
  assert.ok(lines.some(({ step, name }) => step === "first, enough" && name === undefined));
  assert.equal(lines.at(-1)?.name, undefined);
});

test("no /proc: nothing is claimed that only it could tell", { timeout }, async () => {
  const prefix = ["unshare", "-m"];
  {
    using queue = PacketQueue.open(nextQueue());
    const [open, statistics] = await attempts("no /proc", { prefix, queue: queue.number });
    assert.match(open?.message ?? "", /Most likely queue \d+ has another owner.*only \/proc/);
    assert.doesNotMatch(open?.message ?? "", /modprobe|unshare|this user namespace may not read/);
    assert.match(statistics?.message ?? "", /There is no \/proc here.*mount -t proc/);
    assert.doesNotMatch(statistics?.message ?? "", /modprobe/);
  }
  const [free] = await attempts("no /proc", { prefix });
  assert.equal(free?.message, undefined);
});

test("no /proc and no capability: the capability is named", { timeout }, async () => {
  // Mounting takes CAP_SYS_ADMIN, which stays.
  const [open] = await attempts("no /proc", { prefix: ["unshare", "-m", ...withoutCapability] });
  assert.match(open?.message ?? "", /lacks CAP_NET_ADMIN/);
});

test("Deno without --allow-ffi, or with a path behind it: what to give it", {
  timeout,
  ...(isDeno ? {} : { skip: "only Deno has permissions" }),
}, async () => {
  const allowed = [[], ["--allow-ffi=/usr/lib"], [`--allow-ffi=${library()}`], [
    "--allow-ffi=libc.so.6,libnetfilter_queue.so.1",
  ]];
  for (const permissions of allowed) {
    const [open] = await attempts("plain", { permissions });
    assert.match(open?.message ?? "", /--allow-ffi without a path/);
    assert.equal(open?.name, "LibraryLoadError");
    assert.equal(open?.cause, "NotCapable");
  }
});
