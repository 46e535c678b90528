/**
 * C code of functions that hand on to those of the same name, for libraries that stand in for
 * libnetfilter_queue.
 *
 * @module
 */

import type { LibrarySymbol } from "./symbols.ts";

/** What has to stand before the functions: their types. */
export function forwarderTypes(symbols: readonly LibrarySymbol[]): string {
  const structs = new Set(symbols.flatMap(({ prototype }) => prototype.match(/struct \w+/g) ?? []));
  return [
    "#include <stdbool.h>",
    "#include <stddef.h>",
    "#include <stdint.h>",
    ...[...structs, "struct nfgenmsg", "struct nfq_data"].map((struct) => `${struct};`),
    "typedef int nfq_callback(struct nfq_q_handle *, struct nfgenmsg *, struct nfq_data *, void *);",
  ].join("\n");
}

/**
 * One function, which runs `before` and then what `lookup` says is the address of the real one.
 *
 * @param before C statements
 * @param lookup a C expression; it is asked once
 */
export function forwarder(
  { name, prototype }: LibrarySymbol,
  { before = "", lookup }: { readonly before?: string; readonly lookup: string },
): string {
  const [, result = "", list = ""] = /^(.*?)\w+\((.*)\)$/.exec(prototype) ?? [];
  const parameters = list === "void" ? [] : list.split(", ");
  const names = parameters.map((parameter) => /\w+$/.exec(parameter)?.[0] ?? "");
  const end = result.trim() === "void" ? "" : "return ";
  return `${prototype} {
  static ${result}(*real_${name})(${list});
  if (!real_${name}) real_${name} = ${lookup};
  ${before}
  ${end}real_${name}(${names.join(", ")});
}`;
}
