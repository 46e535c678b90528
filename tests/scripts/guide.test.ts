// The filter and its test of docs/guide.md, as they stand there: what this file imports is that test.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "docs/guide.md"), "utf8");

function block(name: string): string {
  const found = new RegExp(`^\`\`\`ts[^\\n]*\\n// ${name}\\n(.*?)^\`\`\`$`, "ms").exec(page)?.[1];
  if (found === undefined) throw new Error(`docs/guide.md has no ${name}`);
  return found;
}

const folder = mkdtempSync(join(tmpdir(), "nfqueue-guide-"));
try {
  for (const name of ["filter.ts", "filter.test.ts"]) {
    writeFileSync(join(folder, name), block(name));
  }
  mkdirSync(join(folder, "node_modules/@nfqueue"), { recursive: true });
  symlinkSync(root, join(folder, "node_modules/@nfqueue/nfqueue"));
  await import(pathToFileURL(join(folder, "filter.test.ts")).href);
} finally {
  rmSync(folder, { recursive: true });
}
