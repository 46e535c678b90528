/**
 * What is recorded: each command runs for real, in a pseudo-terminal.
 *
 * @module
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Terminal } from "../../tests/support/terminal/terminal.ts";
import type { Film, FilmOptions } from "./film.ts";

/** One recording. */
export interface Scene {
  /** The picture's file, without its end. */
  readonly name: string;
  readonly title: string;
  readonly size: FilmOptions;
  /** How long the end stays (ms). */
  readonly hold: number;
  play(film: Film): Promise<void>;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const environment = { NFQUEUE_SKIPS: undefined, NFQUEUE_SCRATCH: undefined };

function prompt(film: Film, command: string): void {
  film.pause(400);
  film.write("\x1b[32m$\x1b[0m ", 0);
  film.pause(500);
  film.type(command);
  film.pause(300);
  film.write("\r\n", 0);
}

const demo: Scene = {
  name: "demo",
  title: "./scripts/demo",
  size: { columns: 108, rows: 34, longest: 700, apart: 55, together: 40 },
  hold: 8000,
  async play(film) {
    prompt(film, "./scripts/demo");
    await using terminal = new Terminal(["./scripts/demo"], {
      ...{ columns: this.size.columns, rows: this.size.rows, folder: root, environment },
      onOutput: (text) => film.write(text, performance.now()),
    });
    const { code } = await terminal.end(120_000);
    if (code !== 0) throw new Error(`the demo failed: ${terminal.text}`);
  },
};

const FILTER = `import { defineFilter, Verdict } from "@nfqueue/nfqueue";

export default defineFilter({
  rules: [{ hook: "output", protocol: "tcp", destinationPort: [25, 587] }],
  packet({ tcp, flow }) {
    if (tcp?.destinationPort !== 25) return Verdict.Accept;
    console.log(\`dropped: \${flow?.source} speaks to port 25\`);
    return Verdict.Drop;
  },
});
`;

/** A server on loopback that takes a connection and closes it. */
async function server(port: number): Promise<Server> {
  const made = createServer((socket: Socket) => socket.on("error", () => {}).end("220 hello\r\n"));
  await new Promise<void>((resolve) => made.listen(port, "127.0.0.1", resolve));
  return made;
}

/** Tries to connect, as a mail program does; a packet that is dropped ends the try. */
function attempt(port: number, localAddress: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    socket.setTimeout(400, () => socket.destroy());
    socket.on("error", () => {}).on("close", () => resolve()).resume();
  });
}

const run: Scene = {
  name: "run",
  title: "nfqueue run filter.ts",
  size: { columns: 80, rows: 20, longest: 1200, apart: 0, together: 60 },
  hold: 6000,
  async play(film) {
    const folder = mkdtempSync(join(tmpdir(), "nfqueue-recording-"));
    const servers = [await server(25), await server(587)];
    try {
      writeFileSync(join(folder, "filter.ts"), FILTER);
      prompt(film, "cat filter.ts");
      film.write(FILTER.replaceAll("\n", "\r\n"), 0);
      film.pause(2500);
      prompt(film, "sudo nfqueue run filter.ts");
      const main = join(root, "src/cli/main.ts");
      const words = ["run", "--no-prompt", "--allow-ffi", "--allow-read", "--allow-env"];
      await using terminal = new Terminal([
        process.env["DENO"] ?? "deno",
        ...words,
        main,
        "run",
        "filter.ts",
      ], {
        ...{ columns: this.size.columns, rows: this.size.rows, folder, environment },
        onOutput: (text) => film.write(text, performance.now()),
      });
      await terminal.says("0 lost");
      for (const address of ["127.0.0.2", "127.0.0.3", "127.0.0.4"]) {
        await attempt(587, "127.0.0.1");
        await attempt(25, address);
        await terminal.says(address);
        // The status line tells of each second.
        await terminal.shows(/[1-9] dropped/);
        await terminal.shows(" 0 dropped");
      }
      terminal.type("\x03");
      const { code } = await terminal.end();
      if (code !== 130) throw new Error(`the filter failed: ${terminal.text}`);
      prompt(film, "");
    } finally {
      for (const one of servers) one.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** All recordings. */
export const scenes: readonly Scene[] = [run, demo];
