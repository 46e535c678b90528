/**
 * What can go wrong with a library of C.
 *
 * @module
 */

export { LibraryLoadError } from "../../ffi/load.ts";
export { MissingSymbolError } from "../../ffi/types.ts";
