/** What single operations on packets cost, without a queue: micro.ts under each runtime. */
import { fileURLToPath } from "node:url";
import { Child } from "./child.ts";
import { print } from "./options.ts";
import { consumerCore, inTurn, pinned, type Program, runtimes } from "./programs.ts";
import { median, spread, table } from "./report.ts";

interface Cost {
  readonly name: string;
  readonly ns: number;
  /** Allocated on the heap; Bun's counter is too coarse to mean much. */
  readonly bytes: number;
}

export async function views(): Promise<unknown> {
  const micro = fileURLToPath(new URL("micro.ts", import.meta.url));
  const programs = runtimes.map(({ name, run }): Program => ({ name, command: [...run, micro] }));
  const samples = await inTurn(
    "views",
    programs,
    async ({ command = ["true"] }): Promise<Cost[]> =>
      JSON.parse(await new Child(pinned(consumerCore, command)).output()),
    (costs) => `${costs.length} operations`,
  );
  const rounds = ({ name }: Program): readonly Cost[][] => samples.get(name) ?? [];
  const operations = programs.flatMap((program) => rounds(program)[0] ?? [])
    .map(({ name }) => name);
  const rows = [...new Set(operations)].map((operation) => {
    const costs = (program: Program) =>
      rounds(program).flatMap((round) => round.filter(({ name }) => name === operation));
    return [
      operation,
      ...programs.map((program) => spread(costs(program).map(({ ns }) => ns))),
      ...programs.slice(0, 1).map((program) =>
        median(costs(program).map(({ bytes }) => bytes)).toFixed()
      ),
    ];
  });
  const head = ["operation", ...programs.map(({ name }) => `${name}, ns`)];
  head.push(`bytes allocated, ${programs[0]?.name}`);
  print("Single operations on packets", table(head, rows));
  return Object.fromEntries(samples);
}
