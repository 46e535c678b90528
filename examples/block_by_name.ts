/**
 * Refuses TLS and QUIC connections to servers of some names, and of the names below them.
 * TLS is reset before the server sees a byte, in however many segments and records the name comes.
 *
 *     sudo env NAMES="example.org ads.example.net" nfqueue run examples/block_by_name.ts
 *     sudo env NAMES=example.org DEVICE=eth1 nfqueue run examples/block_by_name.ts   (a router)
 *
 * What is no TLS, or names no server, passes. Of an encrypted ClientHello the outer name counts.
 */
import process from "node:process";
import { defineFilter, type Filter, Verdict } from "@nfqueue/nfqueue";
import { clientHello, QuicInitial } from "@nfqueue/nfqueue/identify";
import { HOLD, type StreamRulesOptions, TcpStreams } from "@nfqueue/nfqueue/streams";

const MOST_FLOWS = 4096;
type Way = Pick<StreamRulesOptions, "path" | "device">;
/** Makes the filter. `way` is where connections pass, as `TcpStreams.rules` takes it. */
export function blockByName(names: readonly string[], way: Way = {}): Filter {
  const listed = new Set(names.map((name) => name.toLowerCase()));
  const isBlocked = (name = "") =>
    name.split(".").some((_, at, labels) => listed.has(labels.slice(at).join(".")));
  const streams = new TcpStreams({
    connection: () => ({
      fromClient(data, { connection, ended }) {
        const hello = clientHello(data);
        if (hello.status === "more" && !ended) return HOLD;
        // It ends, or another limit is reached, before the name is known: it may be any.
        const isCut = hello.status === "more" && data.length > 0;
        const isRefused = isCut || (hello.status === "found" && isBlocked(hello.serverName));
        return isRefused ? connection.reset() : connection.pass();
      },
    }),
    // Whoever cuts the name into more packets, or stops in the midst of it, is refused, and not passed.
    // Held bytes are not acknowledged, so no client sends more than ten packets, and a hello fits into
    // fewer. Five seconds are for those that are lost and come again.
    hold: { packets: 10, milliseconds: 5000, then: "reset" },
    limits: { then: "reset" },
  });
  const flows = new Map<string, QuicInitial | "refused">();
  const udp = { hook: ["output", "forward"], protocol: "udp", destinationPort: 443 } as const;
  return defineFilter({
    rules: [...TcpStreams.rules({ serverPort: 443, ...way }), udp],
    options: { gso: false }, // each packet is one datagram
    packet(packet) {
      const { udp, flow } = packet;
      if (!udp || !flow) return streams.handler(packet);
      let state = flows.get(flow.directedKey) ?? new QuicInitial();
      const hello = state === "refused" ? undefined : state.add(udp.payload);
      if (hello?.status === "found" && isBlocked(hello.serverName)) state = "refused";
      flows.delete(flow.directedKey); // so that the oldest stands first
      if (state === "refused" || hello?.status === "more") flows.set(flow.directedKey, state);
      if (flows.size > MOST_FLOWS) flows.delete(flows.keys().next().value!);
      return state === "refused" ? packet.reject() : Verdict.Accept;
    },
  });
}
const { NAMES = "example.org", DEVICE: device } = process.env;
export default blockByName(NAMES.split(/\s+/), device ? { path: "forward", device } : {});
