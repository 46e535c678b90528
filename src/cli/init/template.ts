// The filter that `nfqueue init` writes.
import { PACKAGE, type Place } from "../package/own_place.ts";
import { VERSION } from "../package/version.ts";

/**
 * A filter to start from, which changes nothing yet. It is both TypeScript and JavaScript.
 *
 * @param name the file's, for the comment
 */
export function template(name: string, place: Place): string {
  // Without a folder no import map names it: its own registry does.
  const from = place.kind === "address" ? `jsr:${PACKAGE}@${VERSION}` : PACKAGE;
  return `// A filter. It decides about packets while this runs:
//
//     nfqueue run ${name.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "?")}
//
// Ctrl-C ends it, and its rules are gone. With --watch it is loaded again when this file changes.
import { defineFilter, Verdict } from "${from}";

export default defineFilter({
  // Which packets are sent here. These are pings: try it with "ping 127.0.0.1".
  rules: [{ hook: "output", protocol: "icmp" }],

  // Called for each of them. What it returns is done.
  packet(packet) {
    console.log(String(packet));
    // return Verdict.Drop;
    return Verdict.Accept;
  },
});
`;
}
