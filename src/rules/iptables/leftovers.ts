// Chains of processes that run no more.
import type { LeftoverRules } from "../installed.ts";
import { ownerOf } from "../owner.ts";
import { placeOf, type Version } from "./plan.ts";
import { saveTables } from "./programs.ts";
import { takeAway } from "./removal.ts";
import { readSaved, type SavedTable } from "./saved.ts";

const VERSIONS: readonly Version[] = [4, 6];

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
  return VERSIONS.flatMap((version) =>
    readSaved(saveTables(version), gone.has).flatMap((saved) => gone.told(version, saved))
  );
}

/** @throws {SystemError} where the programs cannot be run */
export function cleanIptables(): readonly LeftoverRules[] {
  const gone = new Gone();
  return VERSIONS.flatMap((version) =>
    takeAway(version, { isOurs: gone.has, keepChains: false })
      .flatMap((saved) => gone.told(version, saved))
  );
}
