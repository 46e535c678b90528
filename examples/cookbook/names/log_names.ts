// Prints with whom this machine speaks: the name in the first packets of each connection.
import { defineFilter, Verdict } from "@nfqueue/nfqueue";
import { clientHello, httpRequest } from "@nfqueue/nfqueue/identify";

function nameIn(data: Uint8Array): string | undefined {
  const hello = clientHello(data);
  if (hello.status === "found") return hello.serverName;
  const request = httpRequest(data);
  return request.status === "found" ? request.host : undefined;
}

export default defineFilter({
  // The kernel carries the rest of the connection alone.
  rules: { hook: "output", protocol: "tcp", firstPackets: 6 },
  options: { failOpen: true }, // a log must not cost a packet
  packet({ ip, tcp }) {
    const name = tcp?.payload.length ? nameIn(tcp.payload) : undefined;
    // As JSON, since a name may hold anything.
    if (name) console.log(`${ip?.destination}:${tcp?.destinationPort} is ${JSON.stringify(name)}`);
    return Verdict.Accept;
  },
});
