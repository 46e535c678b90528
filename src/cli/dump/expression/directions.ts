// `src`, `dst`, and both.
import { every, type Predicate, some } from "./packet_reader.ts";

/** Joins what is asked of the source and of the destination. */
export type Direction = (source: Predicate, destination: Predicate) => Predicate;

export const EITHER: Direction = (source, destination) => some(source, destination);
export const BOTH: Direction = (source, destination) => every(source, destination);

export const DIRECTIONS: Readonly<Record<string, Direction>> = {
  src: (source) => source,
  dst: (_source, destination) => destination,
};
