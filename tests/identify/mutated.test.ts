// Changed ClientHellos, datagrams, frames, requests and queries, as scripts/fuzz makes them: nothing is
// thrown, and a beginning never tells something else than the whole.
import { test } from "node:test";
import { inputsOf } from "../../scripts/fuzzing/fuzzer.ts";
import { IDENTIFY_TARGETS } from "../../scripts/fuzzing/targets/identify.ts";
import { runs } from "../support/runtime/quick.ts";

/** Other inputs at each run; a failure names it. */
const seed = Math.floor(Math.random() * 0x100000000);

for (const target of IDENTIFY_TARGETS) {
  test(`${target.name}, seed ${seed}`, { timeout: 120_000 }, () => {
    const blocks = Math.ceil(runs(10_000) / target.block / (target.block < 500 ? 5 : 1));
    for (let block = 0; block < blocks; block++) {
      for (const { bytes, operations } of inputsOf(target, seed, block)) {
        target.run(bytes, operations);
      }
    }
  });
}
