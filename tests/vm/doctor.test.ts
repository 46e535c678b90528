// doctor where the kernel has what the usual test kernel lacks: nft's statement queue, flowtables, and a
// receive buffer that is cut.

import assert from "node:assert/strict";
import { test } from "node:test";
import { diagnose } from "../cli/diagnosis.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Namespace } from "../support/network/namespaces.ts";
import { command } from "../support/runtime/command.ts";
import { inMachine } from "../support/vm/machine.ts";
import { NftRule } from "../support/vm/nft.ts";

requireIsolation();

test("nft's statement queue: owners, bypass, ranges, calculations", inMachine, async () => {
  const output = { family: "inet", hook: "output" } as const;
  using _dropping = new NftRule(output, "udp dport 9 queue num 77");
  using _bypassing = new NftRule(output, "udp dport 9 queue num 80-82 bypass");
  using _balanced = new NftRule(
    output,
    "udp dport 9 queue flags bypass to symhash mod 4 offset 90",
  );
  const found = await diagnose();
  assert.match(found.one("rules-nft").message, /with its statement queue/);
  assert.match(found.one("kernel-options").message, /\bconntrack\b/);
  assert.equal(found.status, 1);
  assert.match(found.one("queue-without-owner").message, /inet test\d+ only .* queue 77,/);
  const unseen = found.all("queue-without-owner-bypass").map(({ message }) =>
    / (queue [\d-]+),/.exec(message)?.[1]
  );
  assert.deepEqual(unseen, ["queue 80-82", "queue 90-93"]);
});

test("connections of a flowtable come to no queue", inMachine, async () => {
  using namespace = new Namespace();
  const [program = "", ...prefix] = namespace.prefix;
  command(program, [...prefix, "nft", "-f", "-"], {
    input: `table inet fast {
      flowtable short { hook ingress priority 0; devices = { lo }; }
      chain forwarded {
        type filter hook forward priority 0; policy accept;
        tcp dport 80 flow add @short
        udp dport 9 queue num 7 bypass
      }
    }`,
  });
  const { severity, message } = (await diagnose({ prefix: namespace.prefix })).one("flowtable");
  assert.equal(severity, "warning");
  assert.match(message, /inet fast forwarded .*flowtable short/);
});

test(
  "a receive buffer cut, as an ordinary user may not go beyond the limit",
  inMachine,
  async () => {
    const found = await diagnose({ prefix: ["unshare", "-Urn"] });
    const { severity, message, advice } = found.one("receive-buffer-small");
    assert.equal(severity, "warning");
    assert.match(message, /gets 208 KiB of the 4,096 KiB .*about \d+ packets/);
    assert.match(advice ?? "", /net\.core\.rmem_max=4194304.*outside of this user namespace/);
    assert.equal(found.status, 0);
  },
);
