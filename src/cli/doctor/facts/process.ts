// This process and what it runs in.
import { CAPABILITY, hasCapability } from "../../../linux/capabilities.ts";
import { OpenFile, readSystemFile } from "../../../linux/files.ts";
import type { ProcessFact } from "../terms/facts.ts";

/** Files that container engines leave in a container. */
const MARKS = [["/.dockerenv", "docker"], ["/run/.containerenv", "podman"]] as const;
/** Ids of the first user namespace: all of them, as they are. */
const ALL_IDS = /^\s*0\s+0\s+4294967295\s*$/;

/** What the process may do, and where it runs. */
export function processFact(): ProcessFact {
  const text = (path: string) => readSystemFile(path).text ?? "";
  const openFiles = /^Max open files\s+(\d+)/m.exec(text("/proc/self/limits"))?.[1];
  const map = text("/proc/self/uid_map");
  return {
    netAdmin: hasCapability(CAPABILITY.NET_ADMIN),
    netRaw: hasCapability(CAPABILITY.NET_RAW),
    userNamespace: map !== "" && !ALL_IDS.test(map),
    openFiles: openFiles === undefined ? undefined : Number(openFiles),
    seccomp: /^Seccomp:\s+[12]/m.test(text("/proc/self/status")),
    container: MARKS.find(([path]) => exists(path))?.[1],
    kernel: text("/proc/version").trim(),
  };
}

function exists(path: string): boolean {
  using file = new OpenFile(path);
  return file.errno === 0;
}
