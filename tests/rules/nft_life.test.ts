// The ends of processes that installed rules by nft.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { NFT } from "../../src/rules/nft/backend.ts";
import { nftSupport } from "../../src/rules/nft/support.ts";
import { newName, ownerOf } from "../../src/rules/owner.ts";
import { PacketQueue, Verdict } from "../../mod.ts";
import { command } from "../support/runtime/command.ts";
import { Child } from "../support/runtime/child.ts";
import { deferred, until, within } from "../support/runtime/waiting.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Filter } from "../support/queue/filter.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Installed } from "./nft_support.ts";

requireIsolation();
const LIMIT = { timeout: 60_000 } as const;
const OWNER = new URL("fixtures/nft_owner.ts", import.meta.url);
const UNUSABLE = new URL("fixtures/nft_unusable.ts", import.meta.url);

const EXHAUSTED = new URL("fixtures/nft_exhausted.ts", import.meta.url);

const tables = () => command("nft", ["list", "tables"]);
const ruleset = () => command("nft", ["list", "ruleset"]);
const nameOf = (child: Child) => /table (\w+)\./.exec(child.output)![1]!;

/** Options of a test that needs tables with owners. */
const owning = nftSupport().owner
  ? LIMIT
  : { ...LIMIT, skip: "this kernel's tables have no owners (Linux 5.12)" };

test("after SIGKILL the kernel has removed the table", owning, async () => {
  const before = tables();
  await using child = new Child(OWNER, { permissions: ["--allow-ffi", "--allow-read"] });
  await child.says(".\n");
  assert.ok(tables().includes(nameOf(child)));
  // Nobody else can change it.
  const family = /^table (\w+) nfq_/m.exec(tables())![1]!;
  assert.throws(() => command("nft", ["delete", "table", family, nameOf(child)]), /not permitted/);
  child.kill("SIGKILL");
  await child.end();
  await until(() => tables() === before, { what: "the table is gone", timeout: 1000 });
});

test("an exit handler removes the rules", LIMIT, async () => {
  const before = tables();
  await using child = new Child(OWNER, { parameters: ["leave-not", "exit"] });
  assert.equal((await child.end()).code, 3, child.errors);
  assert.match(child.output, /table nfq_/);
  assert.equal(tables(), before);
});

test("a process that lives is no owner of leftovers; one that was killed is", LIMIT, async () => {
  const others = ["inet foreign", "inet nfq_1", "ip nfq_zz_zz_zz_zz"];
  const each = (verb: string) =>
    command("nft", [others.map((one) => `${verb} table ${one}`).join(";")]);
  each("add");
  using stack = new DisposableStack();
  stack.defer(() => each("delete"));
  const before = tables();
  await using child = new Child(OWNER, { parameters: ["leave"] });
  await child.says(".\n");
  const name = nameOf(child);
  assert.deepEqual(ownerOf(name), { process: child.pid, state: "running" });
  assert.deepEqual(NFT.leftovers(), []);
  assert.deepEqual(NFT.clean(), []);
  assert.ok(tables().includes(name));
  child.kill("SIGKILL");
  await child.end();
  const places = [...tables().matchAll(/^table (\w+ nfq_\w+)$/gm)].map(([, place]) => place!)
    .filter((place) => place.endsWith(name));
  assert.ok(places.length > 0);
  const found = places.map((place) => ({ place, process: child.pid }));
  assert.deepEqual(NFT.leftovers(), found);
  assert.deepEqual(NFT.clean(), found);
  assert.deepEqual(NFT.clean(), []);
  assert.equal(tables(), before);
});

test("leaveChains leaves the empty chains, and no rule", LIMIT, () => {
  const name = newName();
  const rules = { hook: "output", protocol: "udp", state: "new", queue: 1 } as const;
  const installed = new Installed(NFT, rules, { leaveChains: true, name });
  assert.doesNotMatch(ruleset(), /flags owner/);
  installed.rules.remove();
  const left = ruleset().split(/^table /m).filter((text) => text.includes(name));
  assert.ok(left.length > 0);
  for (const text of left) {
    assert.match(text, /chain at_output_0/);
    assert.match(text, /chain keep_conntrack/);
    assert.doesNotMatch(text, /queue|jump|goto|rule_1|0x6e667101/);
    command("nft", ["delete", "table", text.split(" ")[0]!, name]);
  }
});

test("a child process keeps no table alive", LIMIT, async () => {
  const before = tables();
  const installed = new Installed(NFT, { hook: "output", protocol: "udp", queue: 1 });
  assert.notEqual(tables(), before);
  const ended = deferred<void>();
  const child = spawn("sleep", ["30"], { stdio: "ignore" });
  child.once("close", () => ended.resolve());
  try {
    const links = command("sh", ["-c", `ls -l /proc/${child.pid}/fd`]);
    assert.doesNotMatch(links, /socket:/);
    installed.rules.remove();
    assert.equal(tables(), before);
  } finally {
    child.kill("SIGKILL");
    await within(ended.promise, { what: "the child to end" });
  }
});

test("a queue that is closing takes no table away", LIMIT, async () => {
  // The kernel deletes a closed port's tables some time after another socket could have the port.
  for (let times = 0; times < 40; times++) {
    {
      using queue = PacketQueue.open(nextQueue(), { warn: false });
      await using _filter = new Filter(queue, () => Verdict.Accept);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    using installed = new Installed(NFT, [
      { hook: "output", protocol: "udp", queue: 1 },
      { hook: "input", protocol: "tcp", queue: 2 },
    ]);
    installed.replace({ hook: "output", protocol: "udp", queue: 3 });
  }
});

test("without descriptors it throws, and the process lives", LIMIT, async () => {
  const before = tables();
  const prefix = ["prlimit", "--nofile=200", "--"];
  await using child = new Child(EXHAUSTED, { prefix });
  await child.end();
  assert.match(child.output, /^EMFILE EMFILE( installed| EMFILE)* alive$/m, child.errors);
  assert.equal(tables(), before);
});

test("why nft cannot be used", LIMIT, async () => {
  const cases = [
    [
      { prefix: ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-all", "--"] },
      /^unusable: nf_tables: EPERM .*CAP_NET_ADMIN/,
    ],
    [
      { environment: { NFQUEUE_LIBNFTABLES: "/nowhere.so" } },
      /^unusable: cannot open libnftables: .*NFQUEUE_LIBNFTABLES/,
    ],
  ] as const;
  for (const [options, sentence] of cases) {
    await using child = new Child(UNUSABLE, options);
    await child.end();
    assert.match(child.output, sentence, child.errors);
  }
});
