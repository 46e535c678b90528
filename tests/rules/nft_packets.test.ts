// Rules by nft, and real packets: each is queued exactly when it should be.
import { test } from "node:test";
import { NFT } from "../../src/rules/nft/backend.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { ruleCases } from "./rule_packets.ts";
import { RuleScene } from "./rule_scene.ts";
import { installed } from "./nft_support.ts";
import { nftSupport } from "../../src/rules/nft/support.ts";

requireIsolation();

test("each packet is queued exactly when it should be", { timeout: 60_000 }, async () => {
  using scene = new RuleScene();
  const { target } = nftSupport();
  for (const one of ruleCases(scene)) {
    if (target === "xt" && one.rule.balance === "flow") continue;
    await scene.check(one, (rule) => installed(NFT, rule));
  }
});
