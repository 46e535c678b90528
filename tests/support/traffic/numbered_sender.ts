// numbered_sender.ts PORT RATE: sends the numbers 0, 1, … as datagrams to 127.0.0.1:PORT, RATE a second, from
// the socket that has that port: it is not refused, and does not care what arrives. At SIGTERM it sends no more, and says how many it sent.

import { createSocket } from "node:dgram";
import process from "node:process";

const [port = 0, rate = 0] = process.argv.slice(2).map(Number);
const socket = createSocket("udp4");
let sent = 0;
let done = 0;
let ending = false;

function finishIfDone(): void {
  if (!ending || done < sent) return;
  console.log(`sent ${done}`);
  process.exit(0);
}

function finished(error: Error | null): void {
  if (error) throw error;
  done++;
  finishIfDone();
}

socket.bind(port, "127.0.0.1", () => {
  const began = performance.now();
  const timer = setInterval(() => {
    // What a late timer has missed is sent too.
    const due = Math.ceil((performance.now() - began) * rate / 1000);
    while (sent < due) socket.send(String(sent++), port, "127.0.0.1", finished);
  }, 2);
  process.on("SIGTERM", () => {
    clearInterval(timer);
    ending = true;
    finishIfDone();
  });
  console.log("begun");
});
