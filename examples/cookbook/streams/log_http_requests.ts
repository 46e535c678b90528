// Prints the first line of each plain HTTP request, also of connections that stay open.
import { Buffer } from "node:buffer";
import { defineFilter } from "@nfqueue/nfqueue";
import { TcpStreams } from "@nfqueue/nfqueue/streams";

const REQUEST = /^[A-Z]+ \S+ HTTP\/1\.[01]$/;
const LONGEST = 8192;

const streams = new TcpStreams({
  connection({ client, server }) {
    let begun = "";
    return {
      readOnly: true,
      fromClient(data) {
        const lines = (begun + Buffer.from(data).toString("latin1")).split(/\r?\n/);
        begun = lines.pop()!.slice(0, LONGEST); // the rest of it comes with the next packet
        for (const line of lines) {
          if (!REQUEST.test(line)) continue;
          // As JSON, since it may hold anything.
          console.log(`${client.address} > ${server.address}  ${JSON.stringify(line)}`);
        }
      },
    };
  },
});

export default defineFilter({
  rules: TcpStreams.rules({ serverPort: [80, 8080] }),
  packet: streams.handler,
});
