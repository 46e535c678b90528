// Prints which TLS servers this machine asks for, in however many packets the name comes. It changes nothing.
import { Buffer } from "node:buffer";
import { defineFilter } from "@nfqueue/nfqueue";
import { clientHello } from "@nfqueue/nfqueue/identify";
import { TcpStreams } from "@nfqueue/nfqueue/streams";

const streams = new TcpStreams({
  connection({ client, server }) {
    let bytes: Uint8Array = new Uint8Array();
    return {
      readOnly: true,
      fromClient(data, { connection }) {
        bytes = Buffer.concat([bytes, data]);
        const hello = clientHello(bytes);
        if (hello.status === "more") return;
        connection.pass(); // the rest is of no interest
        if (hello.status !== "found" || hello.serverName === undefined) return;
        // As JSON, since a name may hold anything.
        const name = JSON.stringify(hello.serverName);
        console.log(`${client.address} > ${server.address}  ${name}  ${hello.alpn.join(" ")}`);
      },
    };
  },
});

export default defineFilter({
  rules: TcpStreams.rules({ serverPort: [443, 8443] }),
  packet: streams.handler,
});
