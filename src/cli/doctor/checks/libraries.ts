// The C libraries, and what sets rules.
import type { Facts, LibraryFact } from "../terms/facts.ts";
import { error, type Finding, note, ok } from "../terms/finding.ts";

/** What is lost without one. */
const NEEDS: readonly {
  readonly library: keyof Facts["libraries"];
  readonly code: string;
  readonly missing: (fact: LibraryFact) => Finding;
}[] = [
  {
    library: "netfilterQueue",
    code: "library",
    missing: ({ problem = "" }) => {
      // The loader's message: what is wrong, then lines that say what to do.
      const [first = "", ...lines] = problem.split("\n");
      const [message = "", install] = first.split(/\. (?=Install it)/);
      // Nothing by its name, or something that is none.
      const code = message.includes("cannot be used") ? "library-unusable" : "library-missing";
      return error(
        code,
        sentence(message),
        [...(install ? [install] : []), ...lines].join("\n").trim(),
      );
    },
  },
  {
    library: "mnl",
    code: "libmnl",
    missing: () =>
      note("libmnl-missing", "libmnl.so.0 is not here. libnetfilter_queue is made of it."),
  },
  {
    library: "nftables",
    code: "libnftables",
    missing: () =>
      note(
        "libnftables-missing",
        "libnftables.so.1 is not here, so rules cannot be set by nft.",
        "Install it (Debian, Ubuntu: apt-get install libnftables1; Fedora, Arch, Alpine: nftables).",
      ),
  },
  {
    library: "ipq",
    code: "libipq",
    missing: () =>
      note(
        "libipq-missing",
        "libipq.so is not here. Only programs of the entry ./ipq look for it, " +
          "and they work without it.",
      ),
  },
];

export function checkLibraries({ libraries }: Facts): readonly Finding[] {
  return NEEDS.map(({ library, code, missing }) => {
    const fact = libraries[library];
    if (fact.problem !== undefined) return missing(fact);
    return ok(code, `${fact.name} is here${fact.file === undefined ? "" : `: ${fact.file}`}.`);
  });
}

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}`.replace(/[.:]?$/, ".");
