// `src`, `dst`, and both.
import { all, any, type Predicate } from "./packet_reader.ts";

/** Joins what is asked of the source and of the destination. */
export type Direction = (source: Predicate, destination: Predicate) => Predicate;

export const EITHER: Direction = (source, destination) => any(source, destination);
export const BOTH: Direction = (source, destination) => all(source, destination);

export const DIRECTIONS: Readonly<Record<string, Direction>> = {
  src: (source) => source,
  dst: (_source, destination) => destination,
};
