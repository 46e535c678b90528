// The runtime.
import process from "node:process";
import type { RuntimeFact } from "../terms/facts.ts";

const NAMES: Readonly<Record<string, string>> = { deno: "Deno", bun: "Bun" };

/** Its name and version; Node's where it is neither Deno nor Bun. */
export function runtimeFact(): RuntimeFact {
  const versions: Readonly<Record<string, string | undefined>> = process.versions;
  for (const [key, name] of Object.entries(NAMES)) {
    const version = versions[key];
    if (version !== undefined) return { name, version };
  }
  return { name: "Node", version: versions["node"] ?? "" };
}
