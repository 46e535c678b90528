// Chains of processes that run no more.
import type { LeftoverRules } from "../installed.ts";
import { ownerOf } from "../owner.ts";
import { placeOf, type TableName, type Version } from "./plan.ts";
import { restoreTable, saveTables } from "./programs.ts";
import { deleteLines, flushLines, readSaved, type SavedTable } from "./saved.ts";

interface Leftover {
  readonly name: TableName;
  readonly saved: SavedTable;
  readonly processes: readonly number[];
}

const VERSIONS: readonly Version[] = [4, 6];

function find(): readonly Leftover[] {
  return VERSIONS.flatMap((version) => {
    const gone = new Map<string, number | undefined>();
    const processOf = (chain: string) => {
      if (!gone.has(chain)) {
        const owner = ownerOf(chain);
        gone.set(chain, owner?.state === "gone" ? owner.process : undefined);
      }
      return gone.get(chain);
    };
    const tables = readSaved(saveTables(version), (chain) => processOf(chain) !== undefined);
    return tables.filter(({ chains }) => chains.length > 0).map((saved) => ({
      name: { version, table: saved.table },
      saved,
      processes: [...new Set(saved.chains.map((chain) => processOf(chain)!))],
    }));
  });
}

const told = ({ name, processes }: Leftover): readonly LeftoverRules[] =>
  processes.map((id) => ({ place: placeOf(name), process: id }));

/** @throws {SystemError} where the programs cannot be run */
export function iptablesLeftovers(): readonly LeftoverRules[] {
  return find().flatMap(told);
}

/** @throws {SystemError} where the programs cannot be run */
export function cleanIptables(): readonly LeftoverRules[] {
  const found = find();
  for (const { name, saved } of found) {
    const lines = [...flushLines(saved), ...deleteLines(saved.chains)];
    restoreTable(name, lines.map((text) => ({ text })));
  }
  return found.flatMap(told);
}
