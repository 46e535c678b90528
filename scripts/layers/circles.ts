/** Circles among modules: whatever can be reached from itself. */

/** What each module imports, by name. */
export type Imports = ReadonlyMap<string, ReadonlySet<string>>;

/** Every group of modules that can all reach each other, sorted (Tarjan, 1972). */
export function circlesOf(imports: Imports): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const path: string[] = [];
  const circles: string[][] = [];
  const visit = (name: string): void => {
    order.set(name, order.size);
    lowest.set(name, order.get(name)!);
    path.push(name);
    for (const next of imports.get(name) ?? []) {
      if (!imports.has(next)) continue;
      if (!order.has(next)) visit(next);
      if (path.includes(next)) {
        lowest.set(name, Math.min(lowest.get(name)!, lowest.get(next)!));
      }
    }
    if (lowest.get(name) !== order.get(name)) return;
    const circle = path.splice(path.indexOf(name));
    if (circle.length > 1 || imports.get(name)?.has(name)) circles.push(circle.sort());
  };
  for (const name of imports.keys()) if (!order.has(name)) visit(name);
  return circles;
}

/**
 * The same modules by their folders. A folder's `mod.ts` is its door, which may import from all below
 * it: it counts as a folder of its own.
 */
export function foldersOf(imports: Imports): Imports {
  const folderOf = (file: string) =>
    file.endsWith("mod.ts") ? file : file.slice(0, file.lastIndexOf("/") + 1);
  const folders = new Map<string, Set<string>>();
  for (const [file, names] of imports) {
    const folder = folderOf(file);
    const all = folders.get(folder) ?? new Set();
    folders.set(folder, all);
    for (const name of names) if (folderOf(name) !== folder) all.add(folderOf(name));
  }
  return folders;
}
