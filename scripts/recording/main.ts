/**
 * Records the commands, as scripts/recordings starts it in a network of its own.
 *
 * @module
 */

import { mkdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import { Film } from "./film.ts";
import { picture } from "./picture.ts";
import { scenes } from "./scenes.ts";

/** More would be slow to load. */
const LARGEST = 80_000;

if (process.env["NFQUEUE_ISOLATED"] !== "1") throw new Error("start scripts/recordings");
const wanted = process.argv.slice(2);
const folder = new URL("../../docs/pictures/", import.meta.url);
mkdirSync(folder, { recursive: true });
for (const scene of scenes) {
  if (wanted.length > 0 && !wanted.includes(scene.name)) continue;
  const film = new Film(scene.size);
  await scene.play(film);
  const svg = picture(film, { ...scene.size, title: scene.title, hold: scene.hold });
  const bytes = new TextEncoder().encode(svg).length;
  if (bytes > LARGEST) throw new Error(`${scene.name}: ${bytes} bytes, more than ${LARGEST}`);
  writeFileSync(new URL(`${scene.name}.svg`, folder), svg);
  console.log(`docs/pictures/${scene.name}.svg: ${bytes} bytes, ${(film.now / 1000).toFixed(1)} s`);
}
