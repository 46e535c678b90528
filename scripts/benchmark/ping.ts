/** The round trip of a lone packet. */
import { Child } from "./child.ts";
import { options, print } from "./options.ts";
import {
  beside,
  besideName,
  c,
  callback,
  consumerCore,
  inTurn,
  ours,
  pinned,
  type Program,
  QUEUES,
} from "./programs.ts";
import { ratios, type Samples, spread, table } from "./report.ts";

export async function ping(): Promise<unknown> {
  const programs: Program[] = [
    { name: "no queue" },
    callback,
    ...ours("runSync", "run", "forAwait"),
  ];
  const count = String(options.quick ? 1000 : 2000);
  // On one core: between two, the wake-up of an idle virtual core is most of what one would see.
  const pinger = pinned(consumerCore, [c("pinger"), "-n", count, "-w", options["warm-up"]]);
  const samples = await inTurn(
    "ping",
    programs,
    (program) =>
      beside(program, { queue: QUEUES.ping, chain: "OUTPUT" }, async () => {
        const { p50, p99, lost } = JSON.parse(await new Child(pinger).output());
        if (lost) throw new Error(`${lost} pings lost with ${program.name}`);
        return [Number(p50), Number(p99)];
      }),
    ([p50, p99]) => `${p50} µs, p99 ${p99} µs`,
  );
  const times = (name: string, i: number): Samples =>
    (samples.get(name) ?? []).map((s) => s[i] ?? NaN);
  const rows = programs.map((program) => {
    const { name } = program;
    const other = besideName(program);
    return [
      name,
      spread(times(name, 0), 1),
      spread(times(name, 1), 1),
      spread(ratios(times(name, 0), times(callback.name, 0)), 2),
      ...(samples.has(other) ? [spread(ratios(times(name, 0), times(other, 0)), 2)] : []),
    ];
  });
  print(
    `Round trip of a ping, after ${options["warm-up"]} others`,
    table(
      [
        ...["consumer", "p50 µs", "p99 µs", "p50, × callback"],
        ...(options.beside === undefined ? [] : ["× beside"]),
      ],
      rows,
    ),
  );
  return Object.fromEntries(samples);
}
