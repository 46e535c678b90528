// The command as a process: outputs, signals, exit statuses, words that are wrong.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { COMMANDS } from "../../src/cli/commands.ts";
import { VERSION } from "../../src/cli/package/version.ts";
import { isDeno } from "../support/runtime/child.ts";
import { until } from "../support/runtime/waiting.ts";
import { commandWords, runCommand } from "../support/terminal/command_words.ts";
import { Terminal } from "../support/terminal/terminal.ts";

const LIMIT = { timeout: 60_000 } as const;
const script = new URL("./fixtures/commands.ts", import.meta.url);
const words = (...rest: string[]) => commandWords(rest, { script });
const run = (...rest: string[]) => runCommand(words(...rest));
const pipe = (text: string, ...rest: string[]) =>
  runCommand(["sh", "-c", text, "sh", ...words(...rest)]);

test("a large output is whole through a pipe whose reader is slow", LIMIT, async () => {
  const { status, output, errors } = await pipe(
    '{ "$@"; echo "status $?" >&2; } | { sleep 0.2; wc -l; }',
    "large",
    "100000",
  );
  assert.deepEqual([status, output.trim(), errors], [0, "100000", "all written\nstatus 1\n"]);
});

test("a reader that goes ends the command quietly, and in order", LIMIT, async () => {
  const first = await pipe('{ "$@"; echo "status $?" >&2; } | head -n 2', "forever");
  assert.equal(first.output, "line 1\nline 2\n");
  assert.equal(first.errors, "in order\nstatus 141\n");
  const large = await pipe('{ "$@"; echo "status $?" >&2; } | head -n 1', "large", "20000");
  assert.deepEqual([large.output, large.errors], ["line 1 of many\n", "all written\nstatus 141\n"]);
});

test("Ctrl-C ends the command in order, and twice at once", LIMIT, async () => {
  await using once = new Terminal(words("wait"));
  await once.says("ready");
  once.type("\x03");
  assert.deepEqual(await once.end(), { code: 130, signal: null });
  assert.match(once.text, /ready\n(\^C)?ending\nin order\n$/);
  await using twice = new Terminal(words("wait", "hang"));
  await twice.says("ready");
  twice.type("\x03");
  await twice.says("ending");
  twice.type("\x03");
  assert.deepEqual(await twice.end(), { code: 130, signal: null });
  assert.doesNotMatch(twice.text, /in order/);
});

test("signals end it in order, each with its status", LIMIT, async () => {
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
    await using terminal = new Terminal(words("wait"));
    await terminal.says("ready");
    await terminal.kill(signal);
    assert.deepEqual(await terminal.end(), { code, signal: null });
    assert.match(terminal.text, /in order/, signal);
  }
});

test(
  "errors are a line, without a stack, and hold no sequences for the terminal",
  LIMIT,
  async () => {
    const failed = await run("fail");
    assert.deepEqual([failed.status, failed.output], [1, ""]);
    assert.equal(failed.errors, "nfqueue fail: it cannot be: \\u{1b}[31m\\u{9b}31m\n");
    const broken = await run("broken");
    assert.deepEqual([broken.status, broken.errors], [1, "nfqueue broken: it cannot be loaded\n"]);
    // The overview needs it.
    const overview = await run("help");
    assert.deepEqual([overview.status, overview.errors], [1, "nfqueue: it cannot be loaded\n"]);
    const refused = await run("refuse");
    assert.equal(refused.status, 2);
    assert.equal(
      refused.errors,
      "nfqueue refuse: RULE is no rule\nusage: nfqueue TEST [--rule RULE]…\n" +
        "nfqueue refuse --help tells more.\n",
    );
  },
);

/** Words, and what is said of them. */
const wrong: readonly (readonly [words: string, message: RegExp])[] = [
  ["words --watc", /there is no option "--watc": did you mean --watch\?/],
  ["words --rules=x", /there is no option "--rules": did you mean --rule\?/],
  ["words --norules", /there is no option "--norules": did you mean --no-rules\?/],
  ["words -watch", /there is no option "-watch": did you mean --watch\?/],
  ["words -x", /there is no option "-x": there are --rule, .*--help, --version, -r, -h/],
  ["words --constructor", /there is no option "--constructor": there are/],
  ["words --rule", /--rule needs a value/],
  ["words --rule=", /--rule needs a value/],
  [
    "words --rule --watch",
    /--rule needs a value, and "--watch" looks like an option.*--rule=--watch/,
  ],
  ["words --watch=yes", /--watch takes no value/],
  ["words one two three", /"three" is one word too many/],
  ["wrods", /there is no command "wrods": did you mean words\?/],
  ["xyz", /there is no command "xyz": there are words, large/],
  ["__proto__", /there is no command "__proto__"/],
  ["--watch", /the first word is a command \(words, .*\), and no option such as --watch/],
];

test("wrong words: status 2, and the near ones", LIMIT, async () => {
  for (const [line, message] of wrong) {
    const { status, output, errors } = await run(...line.split(" "));
    assert.deepEqual([status, output], [2, ""], line);
    assert.match(errors, message);
    assert.doesNotMatch(errors, / at .*\.ts/);
  }
});

test("right words", LIMIT, async () => {
  const { status, output } = await run(
    ...["words", "--rule=-x", "-r", "a=b c", "one", "--watch", "--", "--two"],
  );
  assert.equal(status, 0);
  assert.deepEqual(JSON.parse(output), {
    ...{ rule: ["-x", "a=b c"], watch: true, positionals: ["one", "--two"] },
  });
});

test("help and version everywhere", LIMIT, async () => {
  const help = await run("words", "--help");
  assert.deepEqual(help, {
    ...{ status: 0, errors: "" },
    output: "usage: nfqueue TEST [--rule RULE]…\n\nIt is for a test.\n",
  });
  assert.deepEqual(await run("help", "words"), help);
  assert.deepEqual(await run("words", "-h"), help);
  const version = { status: 0, errors: "", output: `nfqueue ${VERSION}\n` };
  assert.deepEqual(await run("--version"), version);
  assert.deepEqual(await run("words", "--version"), version);
  const none = await runCommand(commandWords([]));
  assert.deepEqual([none.status, none.output], [2, ""]);
  assert.match(none.errors, /^usage: nfqueue COMMAND/);
});

test("every command has help and a version, and a line in the overview", LIMIT, async () => {
  const overview = await runCommand(commandWords(["--help"]));
  assert.deepEqual([overview.status, overview.errors], [0, ""]);
  for (const [name, load] of Object.entries(COMMANDS)) {
    const command = await load();
    assert.ok(overview.output.includes(`  ${name.padEnd(8)}${command.summary}\n`), name);
    const { status, output, errors } = await runCommand(commandWords([name, "--help"]));
    assert.deepEqual([status, errors], [0, ""], name);
    assert.ok(output.startsWith(`usage: nfqueue ${name}`), output);
    for (const line of `${overview.output}${output}`.split("\n")) {
      assert.ok(line.length <= 110, `${name}: more than 110 columns: ${line}`);
    }
    for (const option of Object.keys(command.options)) {
      assert.ok(output.includes(`--${option}`), `${name} --help does not tell of --${option}`);
    }
  }
});

test("NO_COLOR, and outputs that are no terminal", LIMIT, async () => {
  const colors = async (environment: Record<string, string>) => {
    await using terminal = new Terminal(words("colors"), { environment });
    await terminal.end();
    return terminal.text;
  };
  assert.equal(await colors({}), "colors true, terminal true\n");
  assert.equal(await colors({ NO_COLOR: "1" }), "colors false, terminal true\n");
  assert.equal(await colors({ NO_COLOR: "" }), "colors true, terminal true\n");
  assert.equal((await run("colors")).output, "colors false, terminal false\n");
});

test("the version is the package's", LIMIT, () => {
  for (const file of ["deno.json", "package.json"]) {
    const text = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
    assert.equal((JSON.parse(text) as { version: string }).version, VERSION, file);
  }
});

test("importing it runs nothing", LIMIT, async () => {
  const listeners = () => ["SIGINT", "SIGTERM", "SIGHUP"].map((one) => process.listenerCount(one));
  const before = listeners();
  await import("../../src/cli/main.ts");
  assert.deepEqual(listeners(), before);
});

test("help needs no permission at all", {
  ...LIMIT,
  ...(isDeno ? {} : { skip: "only Deno has permissions" }),
}, async () => {
  const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
  for (const word of ["--help", "--version"]) {
    const { status, errors } = await runCommand([
      process.execPath,
      "run",
      "--no-prompt",
      main,
      word,
    ]);
    assert.deepEqual([status, errors], [0, ""]);
  }
});

test("the end of the terminal ends the command", LIMIT, async () => {
  let pid = 0;
  {
    await using terminal = new Terminal(words("wait"));
    await terminal.says("ready");
    pid = await terminal.pid();
    await terminal.hangUp();
    assert.deepEqual(await terminal.end(), { code: 129, signal: null });
  }
  await until(() => !alive(pid), { what: "it is gone" });
});

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
