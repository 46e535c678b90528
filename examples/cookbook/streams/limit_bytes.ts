// Resets each connection whose server has sent more than a megabyte.
import { defineFilter } from "@nfqueue/nfqueue";
import { TcpStreams } from "@nfqueue/nfqueue/streams";

const BYTES = 1_000_000;

const streams = new TcpStreams({
  connection({ client, server }) {
    let bytes = 0;
    return {
      readOnly: true,
      borrowed: true, // they are only counted
      fromServer(data, { connection }) {
        bytes += data.length;
        if (bytes <= BYTES) return;
        console.log(`reset  ${client.address} > ${server.address} ${server.port}`);
        connection.reset(); // both ends hear of it
      },
    };
  },
});

export default defineFilter({
  rules: TcpStreams.rules({ serverPort: [80, 443] }),
  packet: streams.handler,
});
