// `nfqueue run` in a terminal: the line of rates, its width, what the filter prints, Ctrl-C.

import assert from "node:assert/strict";
import { test } from "node:test";
import { requireIsolation } from "../../support/network/isolation.ts";
import { commandWords } from "../../support/terminal/command_words.ts";
import { Terminal } from "../../support/terminal/terminal.ts";
import { UdpSocket } from "../../support/traffic/udp.ts";
import { dropsNo, Workshop } from "./workshop.ts";

requireIsolation();

const limit = { timeout: 60_000 };

test("a line of rates stays at the bottom, and fits the window", limit, async () => {
  using workshop = new Workshop();
  using socket = await UdpSocket.open();
  workshop.write("filter.ts", dropsNo(socket.port));
  const { folder } = workshop;
  await using terminal = new Terminal(commandWords(["run", "filter.ts"]), { folder, columns: 100 });
  const patience = 20_000;
  await terminal.shows(
    /^filter\.ts: 0 packets\/s, 0 accepted, 0 dropped, 0 waiting, 0 lost$/m,
    patience,
  );
  await socket.sendAll(["no", "yes", "print"], socket);
  assert.deepEqual(await socket.take(2), ["yes", "print"]);
  await terminal.shows(/^filter\.ts: [1-9]\d* packets\/s, [1-9]/m);
  // What the filter prints comes above it, on a line of its own.
  assert.match(terminal.screen, /^the filter prints$/m);
  assert.match(terminal.screen, /\nfilter\.ts: [^\n]*lost$/);
  await socket.send("bad", socket);
  await terminal.shows(/the handler failed, packet \d+ got Drop: Error: on purpose$/m);
  terminal.resize(30, 20);
  await terminal.shows(/\nfilter\.ts: 0 packets\/s, 0 acc$/);
  terminal.resize(120, 20);
  await terminal.shows(/\nfilter\.ts: 0 packets\/s[^\n]* 0 lost$/);
  terminal.type("\x03");
  assert.deepEqual(await terminal.end(), { code: 130, signal: null });
  assert.match(terminal.screen, /\n4 packets: 2 accepted, 2 dropped, 1 failed, 0 lost$/);
  assert.doesNotMatch(terminal.screen, /packets\/s/, "the line is gone");
  assert.equal(terminal.state.cursor, true);
  workshop.assertNothingLeft();
});

test(
  "a terminal that is dumb gets lines, and what has a strange name is shown as text",
  limit,
  async () => {
    using workshop = new Workshop();
    const name = "\x1b[31m\u202efilter.ts";
    workshop.write(name, dropsNo(9));
    const { folder } = workshop;
    const words = commandWords(["run", name]);
    const environment = { TERM: "dumb" };
    await using terminal = new Terminal(words, { folder, environment, columns: 200 });
    await terminal.says(String.raw`\u{1b}[31m\u{202e}filter.ts runs on queue`);
    terminal.type("\x03");
    assert.deepEqual(await terminal.end(), { code: 130, signal: null });
    // Deno itself clears lines before the command begins.
    assert.doesNotMatch(terminal.output.slice(terminal.output.indexOf("runs")), /[^\P{C}\r\n]/u);
    assert.ok(!terminal.output.includes("\x1b[31m"));
    workshop.assertNothingLeft();
  },
);

test("the window is closed: nothing is left", limit, async () => {
  using workshop = new Workshop();
  workshop.write("filter.ts", dropsNo(9));
  const { folder } = workshop;
  await using terminal = new Terminal(commandWords(["run", "filter.ts"]), { folder });
  await terminal.shows(/0 packets\/s/, 20_000);
  await terminal.hangUp();
  assert.deepEqual(await terminal.end(), { code: 129, signal: null });
  workshop.assertNothingLeft();
});
