/** Errors of the engine itself. Importing this changes nothing: own_errors.ts does. */

/** The engine's constructor: a global one of ours (own_errors.ts) inherits from it. */
function native<Constructor extends ErrorConstructor>(given: Constructor): Constructor {
  const parent: unknown = Object.getPrototypeOf(given);
  return parent === Error ? given : parent as Constructor;
}

/** The constructors that the engine goes on using. */
export const ENGINE = { TypeError: native(TypeError), RangeError: native(RangeError) } as const;

/** Whether the engine threw it: a check of ours is missing. */
export function isEngines(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { constructor } = Object.getPrototypeOf(error) as { readonly constructor: unknown };
  return constructor === ENGINE.TypeError || constructor === ENGINE.RangeError ||
    constructor === ReferenceError || constructor === SyntaxError;
}
