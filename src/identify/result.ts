/** What cannot be told, or not yet. */
export interface NotFound {
  /**
   * `"more"`: these bytes may be the beginning of one, and more of them are needed. `"other"`: they are
   * something else.
   */
  readonly status: "more" | "other";
}

/** The answer of everything that identifies. */
export type Identified<Found> = { readonly status: "found" } & Found | NotFound;

export const MORE: NotFound = Object.freeze({ status: "more" });
export const OTHER: NotFound = Object.freeze({ status: "other" });

/** More bytes than this are not collected for one answer. */
export const MOST_BYTES = 65_536;
