// What a person would have typed to install rules by iptables.
import type { InstallableRule, InstallOptions } from "../installed.ts";
import { planRules, programOf } from "./plan.ts";

const PROTOCOLS: Readonly<Record<string, string>> = {
  ...{ 1: "icmp", 6: "tcp", 17: "udp", 33: "dccp", 47: "gre", 58: "icmpv6", 132: "sctp" },
};

/** Protocols by name, and one port without a list. */
function readable(line: string): string {
  const named = line.replace(
    /-p (\d+)/,
    (all, number) => `-p ${PROTOCOLS[number] ?? all.slice(3)}`,
  );
  if (!/-p (tcp|udp|dccp|sctp) /.test(named)) return named;
  return named.replaceAll(/-m multiport --([sd])ports (\d+(?::\d+)?)(?= )/g, "--$1port $2");
}

/** As a shell takes it: nothing in a word means anything to the shell. */
function quoted(line: string): string {
  return line.split(" ").map((word) =>
    /^[\w./:,+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
  ).join(" ");
}

/**
 * Commands for a shell, one a line. A rule stands in the built-in chain itself, unless packets that must not
 * fit leave it first. The mark of packets that this library sends is not in them.
 */
export function iptablesCommands(
  rules: readonly InstallableRule[],
  options: InstallOptions,
): readonly string[] {
  const commands: string[] = [];
  for (const { version, table, hooks, chains } of planRules(rules, options).tables.values()) {
    const where = table === "filter" ? [] : ["-t", table];
    const add = (...words: string[]) =>
      commands.push([programOf(version), ...where, ...words].join(" "));
    const names = new Map<string, string>();
    for (const [key, { lines }] of chains) {
      if (!lines.some((line) => line.endsWith("-j RETURN"))) continue;
      const name = `nfqueue_${names.size + 1}`;
      names.set(key, name);
      add("-N", name);
      for (const line of lines) add("-A", name, quoted(readable(line)));
    }
    for (const [hook, keys] of hooks) {
      for (const key of keys) {
        const name = names.get(key);
        const lines = name === undefined ? chains.get(key)!.lines : [`-j ${name}`];
        for (const line of lines) add("-A", hook.toUpperCase(), quoted(readable(line)));
      }
    }
  }
  return commands;
}
