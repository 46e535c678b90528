/** One TCP stream through TcpStreams, beside a queue that accepts everything. */
import { fileURLToPath } from "node:url";
import { Child } from "./child.ts";
import { print, seconds } from "./options.ts";
import { beside, type Command, inTurn, type Program, QUEUES, runtimes } from "./programs.ts";
import { ratios, type Samples, spread, table } from "./report.ts";

const MODES: Readonly<Record<string, string>> = {
  accept: "accepts everything",
  follow: "follows both directions",
  wide: "the same, with room for 64 MiB a connection",
  passed: "follows none",
  passing: "passes each connection at its first byte",
  longer: "10 bytes more a packet",
};
const consumer = fileURLToPath(new URL("streams_consumer.ts", import.meta.url));

export async function streams(): Promise<unknown> {
  const listen = "exec nsenter --net=/run/netns/server iperf3 -s --forceflush 2>&1";
  const client: Command = ["nsenter", "--net=/run/netns/client", "iperf3", "-c", "10.0.2.2", "-J"];
  const time = String(Math.max(1, Math.round(seconds)));
  const programs = runtimes.flatMap(({ name, run }) =>
    Object.entries(MODES).map(([mode, words]): Program => ({
      name: `${name}, ${words}`,
      command: [...run, consumer, "-m", mode],
    }))
  );
  const samples = await inTurn(
    "TCP streams",
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
  const rows = programs.map(({ name }) => {
    const base = `${name.split(",")[0]}, ${MODES["accept"]}`;
    return [name, spread(rates(name), 2), spread(ratios(rates(name), rates(base)), 2)];
  });
  print("TCP streams, forwarded", table(["consumer", "Gbit/s", "× accepts everything"], rows));
  return Object.fromEntries(samples);
}
