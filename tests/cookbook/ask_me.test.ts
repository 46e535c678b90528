// The recipe ask_me under `nfqueue run` at a terminal, with a person who types.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { RuleSet } from "../../mod.ts";
import { recipeFile } from "../support/filter/recipes.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Cable, Namespace } from "../support/network/namespaces.ts";
import { commandWords } from "../support/terminal/command_words.ts";
import { Terminal } from "../support/terminal/terminal.ts";
import { AskingSocket } from "../support/traffic/asking_socket.ts";

requireIsolation();

test("ask_me at a terminal", { timeout: 60_000 }, async () => {
  using namespace = new Namespace();
  using cable = new Cable(namespace);
  const { farAddress } = cable;
  const words = commandWords(["run", fileURLToPath(recipeFile("decide/ask_me"))]);
  await using terminal = new Terminal(words, { columns: 160 });
  await terminal.shows(/packets\/s/, 20_000);
  const cases = [
    [7, "y", "Connection refused"], // nobody listens there: the refusal comes from there
    [8, "n", "Connection refused"], // a reset from here
  ] as const;
  for (const [port, answer, refusal] of cases) {
    using socket = new AskingSocket({
      ...{ family: 4, protocol: "tcp", address: farAddress, port },
    });
    socket.ask();
    const question = `^May this machine speak to ${farAddress} port ${port}\\? y or n, and Enter$`;
    await terminal.shows(new RegExp(question, "m"));
    // It stays above the line of rates, however often that is written.
    // TCP sends its packet again after a second.
    await terminal.shows(/ [1-9] waiting, 0 lost$/);
    assert.match(terminal.screen, new RegExp(question, "m"));
    terminal.type(`${answer}\n`);
    assert.equal(await socket.refusal(), refusal);
  }
  terminal.type("\x03");
  assert.deepEqual(await terminal.end(), { code: 130, signal: null });
  assert.match(terminal.screen, /\n\d packets: [1-9] accepted, [^\n]* 0 lost$/);
  assert.deepEqual(RuleSet.leftovers(), []);
});
