/** The harness's end of a consumer. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { command } from "../../tests/support/runtime/command.ts";
import { Child } from "./child.ts";
import { environment, options } from "./options.ts";
import type { Answer, Order, Question, Report } from "./order.ts";

export type Runtime = "deno" | "bun";

/** The words before a command that whoever owns nothing here runs. */
const AS_USER = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] as const;

/** The words that run consumer.ts. */
function words(runtime: Runtime): [string, ...string[]] {
  const run = runtime === "deno" ? ["run", "--quiet", "--no-check", "--allow-all"] : [];
  const script = fileURLToPath(new URL("consumer.ts", import.meta.url));
  if (!options.user) return [environment(runtime.toUpperCase()), ...run, script];
  const programs = environment("PROGRAMS");
  return [
    ...AS_USER,
    ...["--inh-caps", "+net_admin", "--ambient-caps", "+net_admin", "--"],
    ...[`${programs}/${runtime}`, ...run, `${programs}/root/scripts/soaking/consumer.ts`],
  ];
}

export class Consumer extends Child {
  readonly runtime: Runtime;
  #exhausted = false;

  private constructor(runtime: Runtime) {
    const cache = `${environment("PROGRAMS")}/cache`;
    super(words(runtime), options.user ? { DENO_DIR: cache, HOME: cache, TMPDIR: cache } : {});
    this.runtime = runtime;
  }

  static async start(runtime: Runtime): Promise<Consumer> {
    const consumer = new Consumer(runtime);
    await consumer.line();
    return consumer;
  }

  /** @throws {Error} what it answered, or that it is dead */
  async ask(question: Question): Promise<Answer> {
    this.say(JSON.stringify(question));
    const answer = JSON.parse(await this.line(30_000)) as Answer;
    if (answer.error !== undefined) throw new Error(`${question.ask}: ${answer.error}`);
    return answer;
  }

  async open(order: Order): Promise<void> {
    await this.ask({ ask: "start", order });
  }

  async stopQueues(): Promise<Report> {
    const { report } = await this.ask({ ask: "stop" });
    if (report === undefined) throw new Error("no report");
    return report;
  }

  /** Resident memory in MiB after its garbage was collected. */
  async memory(): Promise<number> {
    await this.ask({ ask: "collect" });
    return this.#status("VmRSS") / 1024;
  }

  /** No file can be opened until `freeDescriptors`. */
  exhaustDescriptors(): void {
    this.#exhausted = true;
    const open = new Set(readdirSync(`/proc/${this.pid}/fd`).map(Number));
    let lowest = 0;
    while (open.has(lowest)) lowest++;
    this.#limit(`--nofile=${lowest}:`);
  }

  freeDescriptors(): void {
    if (!this.#exhausted) return;
    this.#exhausted = false;
    this.#limit("--nofile=1024:");
  }

  /** It may have so much writable memory more than it has (MiB). */
  limitMemory(more: number): void {
    this.#limit(`--data=${(this.#status("VmData") + more * 1024) * 1024}`);
  }

  #limit(limit: string): void {
    if (this.over) return;
    // Even root may lack CAP_SYS_RESOURCE, and then only the same user may.
    const [program, ...words] = [...(options.user ? AS_USER : ["env"]), "prlimit"];
    command(program, [...words, "--pid", String(this.pid), limit]);
  }

  /** KiB. */
  #status(name: string): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status)?.[1]);
  }
}
