/**
 * A film as an animated SVG: text and CSS, no script.
 *
 * @module
 */

import type { Film, FilmOptions, Line, Run } from "./film.ts";

/** Sizes in pixels. */
const WIDTH = 8.4;
const HEIGHT = 19;
const MARGIN = 16;
const BAR = 34;

const escape = (text: string) =>
  text.replace(/[&<>]/g, (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[character]!);
const round = (number: number) => String(Math.round(number * 100) / 100);

/** Classes by numbers of SGR. A number that is not here would be drawn wrong. */
const CLASSES: Readonly<Record<string, string>> = {
  ...{ "1": "b", "2": "d", "31": "r", "32": "g", "33": "y", "34": "u", "35": "m", "36": "c" },
};

function classesOf(style: string): string {
  return style.split(";").map((number) => {
    const found = CLASSES[number];
    if (found === undefined) throw new Error(`no colour for ${style}`);
    return found;
  }).join(" ");
}

/** The length is given, so that columns stand under each other in every font. */
function runText({ column, text, style }: Run): string {
  const length = text.length > 1 ? ` textLength="${round(text.length * WIDTH)}"` : "";
  const colour = style === "" ? "" : ` class="${classesOf(style)}"`;
  return `<tspan x="${round(MARGIN + column * WIDTH)}"${length}${colour}>${escape(text)}</tspan>`;
}

const lineText = ({ row, runs }: Line) =>
  `<text y="${round(BAR + MARGIN + (row + 0.72) * HEIGHT)}">${runs.map(runText).join("")}</text>`;

const STYLE = `
svg{--g:#fbfcfc;--t:#24313a;--l:#d5dde1;--f:#66757e;--r:#b3261e;--gr:#1a7037;--y:#8a5300;--bl:#1d4fa8;--m:#8e2a86;--c:#0b6b76}
@media (prefers-color-scheme:dark){svg{--g:#12171b;--t:#d9e2e7;--l:#2f3a41;--f:#8b9aa3;--r:#ff8a80;--gr:#74d58f;--y:#f2c063;--bl:#8db9ff;--m:#e6a0e0;--c:#6fd6e0}}
text{font:14px ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--t);white-space:pre}
.b{font-weight:700}.d{fill:var(--f)}.r{fill:var(--r)}.g{fill:var(--gr)}.y{fill:var(--y)}.u{fill:var(--bl)}.m{fill:var(--m)}.c{fill:var(--c)}
`;

/**
 * @param title what the window's bar says; also the picture's name for those who do not see it
 * @param hold how long the end stays (ms), before it begins anew
 */
export function picture(
  film: Film,
  { columns, rows, title, hold }: FilmOptions & { readonly title: string; readonly hold: number },
): string {
  const { lines, scrolls } = film.end();
  const whole = film.now + hold;
  const percent = (at: number) => `${round(at / whole * 100)}%`;
  const rules: string[] = [];
  let named = 0;
  /** Steps, and the class that makes them; what holds at the end holds where nothing moves. */
  const animate = (steps: readonly (readonly [at: number, what: string])[], last: string) => {
    const name = `a${named++}`;
    rules.push(
      `@keyframes ${name}{${steps.map(([at, what]) => `${percent(at)}{${what}}`).join("")}}`,
      `.${name}{${last}animation:${name} ${round(whole / 1000)}s step-end infinite}`,
    );
    return name;
  };
  const byTime = Map.groupBy(lines, ({ from, until }) => `${from} ${until}`);
  const groups = [...byTime.values()].map((group) => {
    const [{ from, until }] = group as [Line];
    const text = group.map(lineText).join("");
    if (from === 0 && until === Infinity) return text;
    const steps: (readonly [number, string])[] = [[from, "visibility:visible"]];
    if (from > 0) steps.unshift([0, "visibility:hidden"]);
    if (until < whole) steps.push([until, "visibility:hidden"]);
    const name = animate(steps, until < whole ? "visibility:hidden;" : "");
    return `<g class="${name}">${text}</g>`;
  });
  const moves = scrolls.map(({ at, rows }) =>
    [at, `transform:translateY(${-rows * HEIGHT}px)`] as const
  );
  const moving = scrolls.length > 1 ? animate(moves, `${moves.at(-1)![1]};`) : "";
  const width = round(2 * MARGIN + columns * WIDTH);
  const height = round(BAR + 2 * MARGIN + rows * HEIGHT);
  const dots = [0, 1, 2].map((dot) =>
    `<circle cx="${MARGIN + 6 + dot * 18}" cy="${BAR / 2}" r="5" fill="var(--l)"/>`
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${
    escape(title)
  }">
<title>${escape(title)}</title>
<style>${STYLE}${rules.join("\n")}
@media (prefers-reduced-motion:reduce){*{animation:none!important}}
</style>
<rect x=".5" y=".5" width="${Number(width) - 1}" height="${
    Number(height) - 1
  }" rx="9" fill="var(--g)" stroke="var(--l)"/>
${dots.join("")}<text x="50%" y="${BAR / 2 + 5}" text-anchor="middle" class="d">${
    escape(title)
  }</text>
<path d="M0 ${BAR}.5H${width}" stroke="var(--l)"/>
<svg y="${BAR + 1}" width="${width}" height="${Number(height) - BAR - 2}" viewBox="0 ${
    BAR + 1
  } ${width} ${Number(height) - BAR - 2}"><g${moving === "" ? "" : ` class="${moving}"`}>
${groups.join("\n")}
</g></svg>
</svg>
`;
}
