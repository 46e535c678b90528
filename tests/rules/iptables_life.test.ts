// Rules by iptables under traffic, and the ends of processes that installed some.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { type Packet, PacketQueue, Verdict } from "../../mod.ts";
import { IPTABLES } from "../../src/rules/iptables/backend.ts";
import { ownerOf } from "../../src/rules/owner.ts";
import type { Rule } from "../../src/rules/rule/rule.ts";
import { command } from "../support/runtime/command.ts";
import { mayChangeUser, requireIsolation } from "../support/network/isolation.ts";
import { Filter } from "../support/queue/filter.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child, isDeno } from "../support/runtime/child.ts";
import { until } from "../support/runtime/waiting.ts";
import { udpText } from "../support/traffic/packets.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { Installed } from "./nft_support.ts";

requireIsolation();
const LIMIT = { timeout: 60_000 } as const;
/** Options of a test that needs the old kernel tables, which a user namespace does not get. */
const legacy = mayChangeUser() ? LIMIT : { ...LIMIT, skip: "iptables-legacy needs real root" };
const fixture = (name: string) => new URL(`fixtures/${name}.ts`, import.meta.url);

const saved = (): string =>
  ["iptables-save", "ip6tables-save"].map((program) => command(program, []))
    .join("").replaceAll(/^#.*\n| \[\d+:\d+\]/gm, "");
/** Lines of chains that are ours. */
const ours = () => saved().split("\n").filter((line) => line.includes("nfq_"));

/** Datagrams that are sent, and how often rules change meanwhile. */
const EACH_MILLISECOND = 2;
const REPLACEMENTS = 50;

test("50 replacements among datagrams: none is lost, none comes twice", LIMIT, async () => {
  await using child = new Child(fixture("numbered_datagrams"), {
    parameters: [EACH_MILLISECOND],
  });
  await child.says(".\n");
  const port = Number(/port (\d+)/.exec(child.output)![1]);
  using starter = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue(), { maxLength: 20_000 });
  const other = nextQueue();
  const seen = new Map<string, number>();
  // Some wait at any time.
  const waiting: Packet[] = [];
  await using _filter = new Filter(queue, (packet) => {
    const text = udpText(packet.payload);
    seen.set(text, (seen.get(text) ?? 0) + 1);
    packet.hold();
    waiting.push(packet);
    if (waiting.length > 20) waiting.shift()!.accept();
  });
  const rule: Rule = {
    ...{ hook: "output", protocol: "udp", destinationPort: port, queue: queue.number },
    not: { sourcePort: starter.port },
  };
  using installed = new Installed(IPTABLES, [rule, {
    hook: "input",
    state: "invalid",
    queue: other,
  }]);
  await starter.send("go", { address: "127.0.0.1", port });
  await until(() => waiting.length > 0, { what: "the first one waits" });
  let replaced = 0;
  while (replaced < REPLACEMENTS) {
    assert.ok(waiting.length > 0);
    replaced++;
    // Rules come and go before and behind the one that is kept, and at another hook.
    const more: Rule[] = [
      { hook: "output", protocol: "tcp", queue: other + replaced },
      {
        hook: replaced % 2 ? "input" : "forward",
        protocol: "udp",
        destinationPort: 1,
        queue: other,
      },
      { hook: "output", source: `10.0.0.${replaced}`, state: "new", queue: other },
    ].slice(replaced % 3) as Rule[];
    const own = replaced % 3 === 0 ? { ...rule, outDevice: "lo" } : rule;
    installed.replace(replaced % 2 ? [own, ...more] : [...more, own]);
    const before = seen.size;
    await until(() => seen.size > before + 20, { what: "packets come" });
  }
  await starter.send("stop", { address: "127.0.0.1", port });
  await child.says("sent");
  const sent = Number(/sent (\d+)/.exec(child.output)![1]);
  await until(() => seen.size >= sent, {
    ...{ what: `all ${sent} are queued`, state: () => seen.size, timeout: 20_000 },
  });
  for (const packet of waiting) packet.accept();
  assert.equal((await child.end(20_000)).code, 0, child.errors);
  // While iptables runs here nothing is accepted, and what comes then may be more than a socket takes.
  const [, received, twice, full] = /received (\d+), twice (\d+), no room for (\d+)/
    .exec(child.output)!.map(Number);
  // The namespace counts what other sockets had no room for, too.
  assert.ok(received! <= sent && received! + full! >= sent && twice === 0, child.output);
  assert.ok(sent > REPLACEMENTS * 20);
  assert.deepEqual([...seen].filter(([, times]) => times !== 1), []);
});

test("out first, then empty, then away: nothing that waits is lost", LIMIT, async () => {
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  const installed = new Installed(IPTABLES, {
    ...{ hook: "output", protocol: "udp", destinationPort: receiver.port, queue: queue.number },
  });
  const texts = Array.from({ length: 20 }, (_, at) => `${at}`);
  await sender.sendAll(texts, receiver);
  installed.rules.withdraw();
  await sender.send("past", receiver);
  assert.deepEqual(await receiver.take(1), ["past"]);
  // Nor does what follows: without conntrack there is nothing whose end would drop them.
  installed.rules.remove();
  assert.deepEqual(ours(), []);
  await using _filter = new Filter(queue, () => Verdict.Accept);
  assert.deepEqual((await receiver.take(texts.length)).toSorted(), texts.toSorted());
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  test(`${signal}: no chain is left`, LIMIT, async () => {
    await using child = new Child(fixture("iptables_owner"), {
      permissions: [
        ...["--allow-ffi", "--allow-read", "--allow-env"],
        "--allow-run=iptables-restore,iptables-save,ip6tables-restore,ip6tables-save",
      ],
    });
    await child.says(".\n");
    assert.ok(ours().length > 0);
    child.kill(signal);
    assert.deepEqual(await child.end(), { code: null, signal }, child.errors);
    assert.deepEqual(ours(), []);
    assert.equal(child.errors, "");
  });
}

test(
  "after SIGKILL: leftovers are told, and cleaned; a process that lives keeps its own",
  LIMIT,
  async () => {
    using _living = new Installed(IPTABLES, { hook: "output", queue: 9 });
    const before = ours();
    await using child = new Child(fixture("iptables_owner"));
    await child.says(".\n");
    const [, name = ""] = /chains (\w+)\./.exec(child.output)!;
    assert.deepEqual(ownerOf(`${name}_O`), { process: child.pid, state: "running" });
    assert.deepEqual(IPTABLES.leftovers(), []);
    assert.deepEqual(IPTABLES.clean(), []);
    child.kill("SIGKILL");
    await child.end();
    assert.ok(ours().length > before.length);
    const found = ["iptables", "ip6tables"].flatMap((program) =>
      ["filter", "mangle"].map((table) => ({ place: `${program} ${table}`, process: child.pid }))
    );
    const sorted = (list: readonly { readonly place: string }[]) =>
      list.toSorted((one, two) => one.place.localeCompare(two.place));
    assert.deepEqual(sorted(IPTABLES.leftovers()), sorted(found));
    assert.deepEqual(sorted(IPTABLES.clean()), sorted(found));
    assert.deepEqual(IPTABLES.clean(), []);
    assert.deepEqual(ours(), before);
  },
);

/** The folder's programs come first in PATH until it is disposed. */
class FirstInPath implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "nfqueue-"));
  readonly #path = process.env["PATH"] ?? "";

  constructor() {
    process.env["PATH"] = `${this.folder}:${this.#path}`;
  }

  add(program: string, script: string): void {
    writeFileSync(join(this.folder, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  [Symbol.dispose](): void {
    process.env["PATH"] = this.#path;
    rmSync(this.folder, { recursive: true });
  }
}

test("where the second program (a stand-in) fails, the first is set back", LIMIT, async () => {
  using path = new FirstInPath();
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  const good = { hook: "output", destinationPort: receiver.port, queue: 1 } as const;
  const before = ours();
  path.add("ip6tables-restore", "echo broken >&2; exit 4");
  assert.throws(() => new Installed(IPTABLES, [good]), /^SystemError: ip6tables-restore: .*broken/);
  assert.deepEqual(ours(), before);
  rmSync(join(path.folder, "ip6tables-restore"));
  using installed = new Installed(IPTABLES, [good]);
  await sender.send("counted", receiver);
  await receiver.receive();
  const counts = installed.rules.counters();
  assert.equal(counts[0]?.packets, 1);
  const standing = ours();
  path.add("ip6tables-restore", "echo line 3 failed >&2; exit 2");
  const other = { hook: ["input", "prerouting"], state: "new", queue: 2 } as const;
  assert.throws(() => installed.replace([other]), /^SystemError: ip6tables-restore: EINVAL/);
  assert.deepEqual(ours(), standing);
  assert.deepEqual(installed.rules.counters(), counts);
  rmSync(join(path.folder, "ip6tables-restore"));
  installed.replace([other]);
  assert.equal(installed.rules.counters().length, 1);
});

const words: readonly (readonly [said: string, sentence: RegExp])[] = [
  [
    "Another app is currently holding the xtables lock.",
    /^SystemError: iptables-restore: EBUSY .*for 10 seconds: try again/,
  ],
  [
    "Fatal: can't open lock file /run/xtables.lock: Permission denied",
    /^SystemError: iptables-restore: EACCES .*set XTABLES_LOCKFILE/,
  ],
  [
    "Warning: Extension NFQUEUE revision 0 not supported, missing kernel module?",
    /^SystemError: iptables-restore: EOPNOTSUPP .*modprobe xt_NFQUEUE/,
  ],
  [
    "iptables-restore: line 3 failed",
    /^SystemError: iptables-restore: EINVAL .*\(rule: "-A nfq_\w+_0 -p 17 -j NFQUEUE --queue-num 1 /,
  ],
];

test("what iptables (a stand-in) says becomes advice", LIMIT, () => {
  using path = new FirstInPath();
  const before = ours();
  for (const [said, sentence] of words) {
    path.add("iptables-restore", `cat >/dev/null; echo "${said}" >&2; exit 4`);
    const install = () => new Installed(IPTABLES, { hook: "output", protocol: "udp", queue: 1 });
    assert.throws(install, sentence);
  }
  assert.deepEqual(ours(), before);
});

test("the same by iptables-legacy", legacy, async () => {
  using path = new FirstInPath();
  for (const program of ["iptables", "ip6tables"]) {
    for (const action of ["restore", "save"]) {
      path.add(`${program}-${action}`, `exec ${program}-legacy-${action} "$@"`);
    }
  }
  using receiver = await UdpSocket.open();
  using sender = await UdpSocket.open();
  using queue = PacketQueue.open(nextQueue());
  await using _filter = new Filter(queue, () => Verdict.Accept);
  const rule = { hook: "output", destinationPort: receiver.port, queue: queue.number } as const;
  using installed = new Installed(IPTABLES, [rule, { hook: "input", state: "new", queue: 1 }]);
  await sender.send("one", receiver);
  assert.deepEqual(await receiver.take(1), ["one"]);
  installed.replace([{ hook: "prerouting", user: undefined, queue: 2, protocol: "gre" }, rule]);
  await sender.send("two", receiver);
  assert.deepEqual(await receiver.take(1), ["two"]);
  assert.deepEqual(installed.rules.counters().map(({ packets }) => packets), [0, 2]);
  assert.throws(() => installed.replace([{ ...rule, user: "nobody-knows-him" }]), /rules\[0\]/);
  const legacySaved = () =>
    command("iptables-legacy-save", []) + command("ip6tables-legacy-save", []);
  assert.match(legacySaved(), new RegExp(`-j ${installed.name}_O`));
  installed.rules.withdraw();
  assert.doesNotMatch(legacySaved(), /^-A OUTPUT /m);
  installed.rules.remove();
  assert.doesNotMatch(legacySaved(), /nfq_/);
  assert.deepEqual(ours(), []);
});

const RUN = "--allow-run=iptables-restore,iptables-save,ip6tables-restore,ip6tables-save";
const FEW = ["--allow-ffi", "--allow-read", "--allow-env"];
const failures: readonly (readonly [
  name: string,
  options: ConstructorParameters<typeof Child>[1],
  sentence: RegExp,
])[] = [
  [
    "no capability",
    {
      permissions: [...FEW, RUN],
      prefix: ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-all", "--"],
    },
    /SystemError: iptables-restore: EPERM .*CAP_NET_ADMIN.* It said: .*you must be root/,
  ],
  [
    "no program",
    { permissions: ["--allow-all"], parameters: ["/nowhere"] },
    /SystemError: iptables-restore: ENOENT .*install the package iptables, or add \/usr\/sbin/,
  ],
  ...(!isDeno ? [] : [
    [
      "no permission of Deno's",
      { permissions: FEW },
      /SystemError: iptables-restore: EACCES .*Start Deno with --allow-run=iptables-restore,/,
    ] as const,
  ]),
];

test("a user that the user namespace does not have", LIMIT, async () => {
  await using child = new Child(fixture("iptables_errors"), {
    parameters: [process.env["PATH"] ?? "", 12345],
    prefix: ["unshare", "-Urn", "--"],
  });
  await child.end();
  assert.match(child.output, /SystemError: iptables-restore: EINVAL .*uid_map.*--uid-owner 12345/);
});

for (const [name, options, sentence] of failures) {
  test(`what to do about it is said: ${name}`, LIMIT, async () => {
    await using child = new Child(fixture("iptables_errors"), options);
    await child.end();
    assert.match(child.output, sentence, child.errors);
    assert.match(child.output, /^unusable: iptables-save: E/);
    assert.deepEqual(ours(), []);
  });
}
