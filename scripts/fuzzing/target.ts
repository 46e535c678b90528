/** What is fuzzed: a target, its inputs, and what it may find. */
import { isEngines } from "./engine_errors.ts";
import type { Random } from "./random.ts";

/** Bytes, and what is done with them. */
export interface Input {
  readonly bytes: Uint8Array;
  /** Numbers of names in {@link Target.operations}. */
  readonly operations: readonly number[];
}

/** One thing that takes inputs. */
export interface Target {
  readonly name: string;
  /** Names of the errors that its calls document. */
  readonly errors: readonly string[];
  /** Valid inputs, which are changed at random. */
  readonly corpus: readonly Uint8Array[];
  /** Some that are long, and are used seldom. */
  readonly long?: readonly Uint8Array[];
  /** What can be done with an input, by name. */
  readonly operations: readonly string[];
  /** Inputs between two looks at the clock: fewer where one takes long. */
  readonly block: number;
  /** So many calls go over the whole input, and may take the time limit each. Default 1. */
  readonly calls?: number;
  /** It may write to the bytes; else that is a failure. */
  readonly writes?: boolean;
  /** Which operations to try with these bytes. */
  choose(random: Random, bytes: Uint8Array): number[];
  /**
   * Does it.
   *
   * @returns a digest of all that was read, which must not depend on what is around the bytes
   * @throws {Finding} for what must not be; any other error is one that is not documented
   */
  run(bytes: Uint8Array, operations: readonly number[]): number;
}

/** Something that must not be. */
export class Finding extends Error {
  override readonly name = "Finding";
  readonly kind: string;

  constructor(kind: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** What hostile values throw: whoever calls them is to let it through. */
export class HostileError extends Error {
  override readonly name = "HostileError";
}

/** @throws {Finding} unless the error is one of those that are documented. */
export function requireDocumented(errors: readonly string[], error: unknown): string {
  if (error instanceof Finding) throw error;
  if (!(error instanceof Error)) throw new Finding("undocumented error", `${typeof error} thrown`);
  if (errors.includes(error.name) && !isEngines(error)) return error.name;
  const cause = `${error.name}: ${error.message}`;
  const kind = isEngines(error) ? "error of the engine" : "undocumented error";
  throw new Finding(kind, cause, { cause: error });
}

/** @throws {Finding} with this message unless it is so. */
export function insist(so: boolean, kind: string, message: () => string): void {
  if (!so) throw new Finding(kind, message());
}

/** For a target that has no operations. */
export const NOTHING: Pick<Target, "operations" | "choose"> = {
  operations: [],
  choose: () => [],
};
