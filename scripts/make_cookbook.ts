/**
 * Puts the code of examples/cookbook/ into docs/cookbook.md, behind the line that names the file.
 *
 *     deno run --allow-read --allow-write scripts/make_cookbook.ts [--check]
 *
 * With `--check` nothing is written: it fails when the page is not what it would write.
 */

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";

const PAGE = new URL("../docs/cookbook.md", import.meta.url);
/**
 * A link to a recipe alone on its line, and the block of code behind it. `deno check` looks at the files: in
 * documents it would put the default export before the constants that it uses.
 */
const RECIPE =
  /^\[(\w+\/\w+\.ts)\]\((\.\.\/examples\/cookbook\/\w+\/\w+\.ts)\)\n\n```ts ignore\n.*?^```$/gms;

/** The page with the code of the files as they are. */
export function cookbookPage(page: string): string {
  return page.replace(RECIPE, (_block, name: string, path: string) => {
    const code = readFileSync(new URL(path, PAGE), "utf8");
    return `[${name}](${path})\n\n\`\`\`ts ignore\n${code}\`\`\``;
  });
}

if (import.meta.main) {
  const page = readFileSync(PAGE, "utf8");
  const made = cookbookPage(page);
  if (!process.argv.includes("--check")) writeFileSync(PAGE, made);
  else if (made !== page) {
    console.error("docs/cookbook.md is not up to date: run scripts/make_cookbook.ts");
    process.exit(1);
  }
}
