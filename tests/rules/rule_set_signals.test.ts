// Programs that listen for signals themselves, and go on with other rules.
import assert from "node:assert/strict";
import { test } from "node:test";
import { requireIsolation } from "../support/network/isolation.ts";
import { Child } from "../support/runtime/child.ts";
import { command } from "../support/runtime/command.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const LIMIT = { timeout: 30_000 } as const;
const PROGRAM = new URL("./fixtures/reloading.ts", import.meta.url);

/** Ports of the program's rules that packets come to. */
function ports(backend: string): readonly number[] {
  const text = backend === "nft"
    ? command("nft", ["list", "ruleset"])
    : command("iptables-save", []);
  return [4001, 4002].filter((port) => new RegExp(`dports? ${port}\\b`).test(text));
}

for (const backend of ["nft", "iptables"]) {
  for (const when of ["before", "after"]) {
    test(
      `rules that a program has at SIGHUP stay: ${backend}, listening ${when}`,
      LIMIT,
      async () => {
        await using child = new Child(PROGRAM, { parameters: [backend, when] });
        await child.says("ready");
        assert.deepEqual(ports(backend), [4001]);
        child.kill("SIGHUP");
        await child.says("reloaded, installed: true");
        assert.deepEqual(ports(backend), [4001, 4002]);
        using sender = await UdpSocket.open();
        await sender.send("counted", { address: "127.0.0.1", port: 4001 });
        child.kill("SIGTERM");
        assert.deepEqual(await child.end(), { code: 0, signal: null }, child.errors);
        assert.match(child.output, /\ninstalled: false, counted: 1\n/);
        assert.equal(child.errors, "");
        assert.deepEqual(ports(backend), []);
      },
    );
  }

  test(`rules that a program installs first at SIGHUP stay: ${backend}`, LIMIT, async () => {
    await using child = new Child(PROGRAM, { parameters: [backend, "inside"] });
    await child.says("ready");
    child.kill("SIGHUP");
    await child.says("reloaded, installed: true");
    assert.deepEqual(ports(backend), [4001]);
    child.kill("SIGHUP");
    await child.says("true\nreloaded, installed: true");
    assert.deepEqual(ports(backend), [4001, 4002]);
    child.kill("SIGTERM");
    assert.deepEqual(await child.end(), { code: 0, signal: null }, child.errors);
    assert.deepEqual(ports(backend), []);
  });
}
