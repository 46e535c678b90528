// The programs that set iptables' rules: found, and not run.
import { readLink } from "../../../linux/directories.ts";
import { OpenFile } from "../../../linux/files.ts";
import type { ProgramFact } from "../terms/facts.ts";

const FOLDERS = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin", "/bin", "/usr/local/bin"];
const NAMES = ["iptables", "ip6tables"];
/** Links that lead in a circle end here. */
const MOST_LINKS = 16;

/** The first of each name. */
export function programFacts(): readonly ProgramFact[] {
  return NAMES.flatMap((name) => {
    const path = FOLDERS.map((folder) => `${folder}/${name}`).find(exists);
    return path === undefined ? [] : [{ path, kind: kindOf(target(path)) }];
  });
}

function exists(path: string): boolean {
  using file = new OpenFile(path);
  return file.errno === 0;
}

/** Distributions link the name to the program of one kind, by way of /etc/alternatives. */
function target(path: string): string {
  for (let links = 0; links < MOST_LINKS; links++) {
    const next = readLink(path);
    if (next === undefined) break;
    path = next.startsWith("/") ? next : `${path.slice(0, path.lastIndexOf("/"))}/${next}`;
  }
  return path;
}

function kindOf(path: string): ProgramFact["kind"] {
  if (path.includes("nft")) return "nft";
  return path.includes("legacy") || path.endsWith("/xtables-multi") ? "legacy" : "unknown";
}
