/** One TCP stream through the queue. */
import { Child } from "./child.ts";
import { print, seconds } from "./options.ts";
import { beside, c, type Command, inTurn, ours, type Program, QUEUES } from "./programs.ts";
import { ratios, type Samples, spread, table } from "./report.ts";

export async function bulk(): Promise<unknown> {
  const listen = "exec nsenter --net=/run/netns/server iperf3 -s --forceflush 2>&1";
  const client: Command = ["nsenter", "--net=/run/netns/client", "iperf3", "-c", "10.0.2.2", "-J"];
  const withGso: Program = { name: "C, callback, GSO flag", command: [c("callback"), "-g"] };
  const programs: Program[] = [
    { name: "no queue" },
    { name: "C, callback, without the GSO flag", command: [c("callback")] },
    withGso,
    { name: "C by hand, GSO flag", command: [c("handwritten"), "-g"] },
    ...ours("runSync", "run", "forAwait").map(({ name, command = ["true"] }): Program => ({
      name,
      command: [...command, "-g"],
    })),
  ];
  const time = String(Math.max(1, Math.round(seconds)));
  const samples = await inTurn(
    "TCP bulk",
    programs,
    (program) =>
      beside(program, { queue: QUEUES.bulk, chain: "FORWARD" }, async () => {
        await using server = new Child(["sh", "-c", listen]);
        while (!(await server.line()).includes("listening"));
        const report = JSON.parse(await new Child([...client, "-t", time]).output());
        return [Number(report.end.sum_received.bits_per_second) / 1e9];
      }),
    ([rate = NaN]) => `${rate.toFixed(2)} Gbit/s`,
  );
  const rates = (name: string): Samples => (samples.get(name) ?? []).map(([rate = NaN]) => rate);
  const rows = programs.map(({ name }) => [
    name,
    spread(rates(name), 2),
    ...["no queue", withGso.name].map((base) => spread(ratios(rates(name), rates(base)), 2)),
  ]);
  print(
    "One TCP stream, forwarded",
    table(["consumer", "Gbit/s", "× no queue", "× C with GSO"], rows),
  );
  return Object.fromEntries(samples);
}
