// Gives plain HTTP requests another field User-Agent, of any length, also on connections that stay open.
import { Buffer } from "node:buffer";
import { defineFilter } from "@nfqueue/nfqueue";
import { httpRequest } from "@nfqueue/nfqueue/identify";
import { TcpStreams } from "@nfqueue/nfqueue/streams";

const FIELD = "User-Agent: somebody";
const HEAD = /^(?:\r?\n)*[^]*?\n\r?\n/;
const SPECIAL = /^(?:upgrade|transfer-encoding):/im; // nobody knows here where it ends

const streams = new TcpStreams({
  hold: { milliseconds: 5000 }, // a slow client's head may take its time
  connection() {
    let left = 0; // bytes of a body that are still to come
    return {
      fromClient(data, { connection }) {
        const text = Buffer.from(data).toString("latin1"); // one character a byte
        let [gone, at] = ["", 0];
        for (;;) {
          const body = text.slice(at, at + left);
          gone += body;
          at += body.length;
          left -= body.length;
          const { status } = httpRequest(data.subarray(at));
          if (status === "more") {
            return { data: Buffer.from(gone, "latin1"), hold: data.length - at };
          }
          const [head = ""] = HEAD.exec(text.slice(at)) ?? [];
          if (status === "other" || SPECIAL.test(head)) return connection.pass();
          gone += head.replace(/^user-agent:.*$/im, FIELD);
          at += head.length;
          left = Number(/^content-length:[ \t]*(\d+)/im.exec(head)?.[1] ?? 0);
        }
      },
    };
  },
});

export default defineFilter({
  rules: TcpStreams.rules({ serverPort: 80 }),
  packet: streams.handler,
});
