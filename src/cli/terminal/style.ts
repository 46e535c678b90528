// Colours and the like, where they may be written.

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

/** How a text may look. */
export type Style = keyof typeof STYLES;

/** Makes text look so. */
export type Paint = (text: string, style: Style) => string;

/** @param colors whether escape sequences may be written at all */
export function painter(colors: boolean): Paint {
  if (!colors) return (text) => text;
  return (text, style) => `\x1b[${STYLES[style]}m${text}\x1b[0m`;
}
