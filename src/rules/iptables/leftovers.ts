// Chains of processes that run no more.
import { ERRNO, SystemError } from "../../linux/errno.ts";
import type { LeftoverRules } from "../installed.ts";
import { ownerOf } from "../owner.ts";
import { placeOf, type Version, versionsHere } from "./plan.ts";
import { saveTables } from "./programs.ts";
import { takeAway } from "./removal.ts";
import { readSaved, type SavedTable } from "./saved.ts";

/** Where there is no ip6tables, or no IPv6, it has left nothing. */
function inEach<Found>(find: (version: Version) => readonly Found[]): readonly Found[] {
  return versionsHere().flatMap((version) => {
    try {
      return find(version);
    } catch (error) {
      const absent = error instanceof SystemError && error.errno === ERRNO.ENOENT;
      if (version === 6 && absent) return [];
      throw error;
    }
  });
}

/** Asks once for each process, of which there may be many chains. */
class Gone {
  readonly #known = new Map<string, number | undefined>();

  readonly has = (chain: string): boolean => this.processOf(chain) !== undefined;

  processOf(chain: string): number | undefined {
    const name = chain.replace(/_[^_]*$/, "");
    if (!this.#known.has(name)) {
      const owner = ownerOf(chain);
      this.#known.set(name, owner?.state === "gone" ? owner.process : undefined);
    }
    return this.#known.get(name);
  }

  told(version: Version, { table, chains }: SavedTable): readonly LeftoverRules[] {
    const processes = new Set(chains.map((chain) => this.processOf(chain)!));
    return [...processes].map((id) => ({ place: placeOf({ version, table }), process: id }));
  }
}

/** @throws {SystemError} where the programs cannot be run */
export function iptablesLeftovers(): readonly LeftoverRules[] {
  const gone = new Gone();
  return inEach((version) =>
    readSaved(saveTables(version), gone.has).flatMap((saved) => gone.told(version, saved))
  );
}

/** @throws {SystemError} where the programs cannot be run */
export function cleanIptables(): readonly LeftoverRules[] {
  const gone = new Gone();
  return inEach((version) =>
    takeAway(version, { isOurs: gone.has, keepChains: false })
      .flatMap((saved) => gone.told(version, saved))
  );
}
