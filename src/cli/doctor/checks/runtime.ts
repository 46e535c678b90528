// The runtime and its version.
import type { Facts } from "../terms/facts.ts";
import { error, type Finding, ok } from "../terms/finding.ts";

/** The least versions that the tests have passed on. */
const LEAST: Readonly<Record<string, readonly [major: number, minor: number]>> = {
  Deno: [2, 9],
  Bun: [1, 4],
  Node: [26, 9],
};

export function checkRuntime(
  { runtime: { name, version } }: Pick<Facts, "runtime">,
): readonly Finding[] {
  const least = LEAST[name];
  if (least === undefined) {
    const advice =
      "Run it with deno run --allow-ffi --allow-read --allow-env, with bun, or with node.";
    return [error("runtime-unknown", `${name} cannot call C as this library needs it.`, advice)];
  }
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isOld = major < least[0] || (major === least[0] && minor < least[1]);
  if (!isOld) return [ok("runtime", `${name} ${version} runs this.`)];
  const message = `${name} ${version} is older than ${
    least.join(".")
  }, the least that is supported.`;
  const advice = name === "Node"
    ? "Install a later one."
    : `Update it: ${name.toLowerCase()} upgrade.`;
  return [error("runtime-old", message, advice)];
}
