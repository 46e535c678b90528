// doctor about the process: libraries, permissions, the capability, limits, /proc. Each situation is made
// for real, in a namespace without rules.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue } from "../../mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Namespace } from "../support/network/namespaces.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { Child, isDeno } from "../support/runtime/child.ts";
import { command } from "../support/runtime/command.ts";
import { commandWords } from "../support/terminal/command_words.ts";
import { Terminal } from "../support/terminal/terminal.ts";
import { diagnose, diagnoseText, Diagnosis } from "./diagnosis.ts";

requireIsolation();

const timeout = 30_000;
/** What a machine may be like without harm to these tests. */
const HARMLESS = ["warning receive-buffer-small"];
const problems = (found: Diagnosis) => found.problems.filter((text) => !HARMLESS.includes(text));

test("all well: exit 0", { timeout }, async () => {
  using namespace = new Namespace();
  const found = await diagnose({ prefix: namespace.prefix });
  assert.deepEqual(problems(found), []);
  assert.equal(found.status, 0);
  for (const code of ["runtime", "library", "libmnl", "capability", "kernel-queue"]) {
    assert.equal(found.one(code).severity, "ok");
  }
  assert.match(found.one("library").message, /\/libnetfilter_queue\.so\.1/);
  assert.match(found.one("kernel-options").message, /\bgso\b.*\buidGid\b/);
});

test("--json: each finding has a code, a severity, a sentence, and maybe advice", {
  timeout,
}, async () => {
  const { findings } = await diagnose({ environment: { NFQUEUE_LIBRARY: "/nowhere" } });
  for (const { code, severity, message, advice, ...rest } of findings) {
    assert.match(code, /^[a-z]+(-[a-z]+)*$/);
    assert.ok(["ok", "note", "warning", "error"].includes(severity));
    assert.match(message, /\w.*\.$/s);
    assert.ok(advice === undefined || advice.trim() !== "");
    assert.deepEqual(rest, {});
    // What is wrong comes with what to do.
    assert.ok(advice !== undefined || !["warning", "error"].includes(severity), code);
  }
});

test("for a person: groups, sentences, what to do; no colours where there is no terminal", {
  timeout,
}, async () => {
  const environment = { NFQUEUE_LIBRARY: "/nowhere" };
  const lines = (await diagnoseText({ environment })).split("\n");
  const at = (start: string) => lines.findIndex((line) => line.startsWith(start));
  assert.ok(at("In order") < at("Errors"));
  const error = at("  library-unusable: Cannot open libnetfilter_queue");
  assert.ok(error > at("Errors"), lines.join("\n"));
  assert.match(lines[error + 1] ?? "", /^ {4}→ \/nowhere: /);
  assert.match(lines.at(-2) ?? "", /^Not well: 1 error/);
  assert.ok(!lines.join().includes("\x1b"));
});

test("in a terminal: colours, unless NO_COLOR says otherwise", {
  timeout,
}, async () => {
  using queue = PacketQueue.open(nextQueue());
  await using colored = new Terminal(commandWords(["doctor"]), { columns: 200, rows: 100 });
  assert.deepEqual(await colored.end(), { code: 0, signal: null });
  assert.ok(colored.output.includes("\x1b[1;32mIn order\x1b[0m"), colored.output);
  assert.match(colored.text, new RegExp(`queue-owner: Queue ${queue.number} is owned by process`));
  assert.match(colored.text, /A filter runs here/);
  const environment = { NO_COLOR: "1" };
  await using plain = new Terminal(commandWords(["doctor"]), { environment });
  await plain.end();
  // Deno itself clears a line at its start.
  assert.ok(!plain.output.includes("\x1b[1;32m"), plain.output);
});

test("no capability", { timeout }, async () => {
  using namespace = new Namespace();
  const found = await diagnose({
    prefix: [
      ...namespace.prefix,
      ...["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-all", "--"],
    ],
  });
  assert.ok(found.problems.includes("error no-capability"));
  assert.equal(found.status, 1);
  assert.match(found.one("no-capability").advice ?? "", /root.*setcap.*unshare -Urn/s);
  assert.match(found.one("rules-unreadable").message, /EPERM/);
  assert.deepEqual(found.all("kernel-queue"), []);
});

test("a capability that counts elsewhere only: a user namespace that owns no network", {
  timeout,
}, async () => {
  const found = await diagnose({ prefix: ["unshare", "-Ur"] });
  assert.deepEqual(found.problems.filter((text) => text.startsWith("error")), [
    "error capability-elsewhere",
  ]);
  assert.equal(found.one("user-namespace").severity, "note");
});

test("no CAP_NET_RAW is worth a note", { timeout }, async () => {
  using namespace = new Namespace();
  const found = await diagnose({
    prefix: [
      ...namespace.prefix,
      ...["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-all", "--"],
    ],
  });
  assert.equal(found.one("no-raw-capability").severity, "note");
  assert.equal(found.status, 0);
});

test("no library: how to install it", { timeout }, async () => {
  const found = await diagnose({
    prefix: [
      ...["unshare", "-m", "bash", "-ec"],
      `folder=$(dirname "$1"); real=$(mktemp -d); copy=$(mktemp -d)
       mount --bind "$folder" "$real"; ln -s "$real"/* "$copy"; rm "$copy"/libnetfilter_queue*
       mount --bind "$copy" "$folder"; shift; exec "$@"`,
      ...["bash", library()],
    ],
  });
  assert.equal(found.status, 1);
  const { severity, message, advice } = found.one("library-missing");
  assert.equal(severity, "error");
  assert.equal(message, "Cannot open libnetfilter_queue.");
  assert.match(advice ?? "", /^Install it:\n.*apt-get install libnetfilter-queue1/);
  // The kernel is asked without it.
  assert.equal(found.one("kernel-queue").severity, "ok");
});

test("a library that is another one", { timeout }, async () => {
  const found = await diagnose({ environment: { NFQUEUE_LIBRARY: "libc.so.6" } });
  assert.ok(found.problems.includes("error library-unusable"));
  assert.match(found.one("library-unusable").advice ?? "", /libc\.so\.6.*nfq_/);
});

test("no libnftables: the programs of iptables, and which kind they are", { timeout }, async () => {
  const found = await diagnose({ environment: { NFQUEUE_LIBNFTABLES: "/nowhere" } });
  assert.equal(found.one("libnftables-missing").severity, "note");
  const kind = command("iptables", ["--version"]).includes("nf_tables") ? "nft" : "legacy";
  const { severity, message, advice } = found.one("rules-iptables");
  assert.equal(severity, "note");
  assert.match(message, new RegExp(`/iptables \\(${kind}\\), .*/ip6tables \\(${kind}\\)`));
  assert.match(advice ?? "", /--allow-run=iptables-restore,/);
  assert.equal(found.status, 0);
});

test("few descriptors", { timeout }, async () => {
  const found = await diagnose({ prefix: ["bash", "-c", 'ulimit -n 60; exec "$@"', "bash"] });
  assert.match(found.one("few-descriptors").message, /only 60 files/);
  assert.equal(found.status, 0);
});

test("no /proc: nothing is claimed that only it could tell", { timeout }, async () => {
  await using child = new Child(new URL("fixtures/doctor_without_proc.ts", import.meta.url), {
    prefix: ["unshare", "-m"],
  });
  const { code } = await child.end();
  const found = new Diagnosis(child.output, code);
  assert.match(found.one("proc-hidden").message, /no \/proc/);
  assert.deepEqual(found.problems.filter((text) => text.startsWith("error")), []);
});

const permitted = { timeout, ...(isDeno ? {} : { skip: "only Deno has permissions" }) };

test("Deno without --allow-ffi: the exact flag instead of a crash", permitted, async () => {
  const found = await diagnose({ permissions: ["--allow-read", "--allow-env"] });
  assert.deepEqual(found.problems, ["error no-ffi-permission"]);
  assert.match(found.one("no-ffi-permission").advice ?? "", /--allow-ffi --allow-read --allow-env/);
  assert.equal(found.findings.length, 1);
});

test("Deno with --allow-ffi alone: as good", permitted, async () => {
  using namespace = new Namespace();
  const found = await diagnose({ permissions: ["--allow-ffi"], prefix: namespace.prefix });
  assert.deepEqual(problems(found), []);
});

/** Where the system has libnetfilter_queue. */
function library(): string {
  const line = command("ldconfig", ["-p"]).split("\n")
    .find((line) => line.includes("libnetfilter_queue.so.1") && line.includes("64"));
  return command("readlink", ["-f", line?.split("=> ")[1] ?? ""]).trim();
}
