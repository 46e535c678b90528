/**
 * The neutral language of the symbol tables (what a C function takes and gives) and the small
 * contract that every runtime fulfils. No runtime is named here.
 *
 * @module
 */

declare const pointerBrand: unique symbol;

/**
 * A C pointer as the runtime likes it (an object in Deno, a number in Bun, a BigInt in Node); `null` is
 * NULL. Nothing but the backend looks inside.
 */
export type Pointer = { readonly [pointerBrand]: true };

/** C types as they cross the border; everything not listed travels by pointer. */
export type NativeType =
  | "void"
  | "u8"
  | "u16"
  | "i32"
  | "u32"
  /** `size_t`, `nfds_t`, `unsigned long`: a BigInt, made once and kept out of loops. */
  | "usize"
  | "pointer"
  /** A `Uint8Array` lent for the length of the call. */
  | "buffer";

/** What a C function takes and gives. */
export interface NativeSignature {
  readonly parameters: readonly NativeType[];
  readonly result: NativeType;
}

/** One C function of a library. */
export interface NativeSymbol extends NativeSignature {
  /** Runs on a thread of the runtime's pool and gives a promise; its errno is lost (Deno only). */
  readonly nonblocking?: boolean;
  /** First version of the library that has it; such a symbol may be missing and fails when called. */
  readonly since?: string;
}

/** The functions of one library, by C name. */
export type SymbolTable = Readonly<Record<string, NativeSymbol>>;

interface NativeValues {
  readonly void: void;
  readonly u8: number;
  readonly u16: number;
  readonly i32: number;
  readonly u32: number;
  readonly usize: bigint;
  readonly pointer: Pointer | null;
  readonly buffer: Uint8Array<ArrayBuffer>;
}

type Parameters<List extends readonly NativeType[]> = {
  -readonly [Index in keyof List]: NativeValues[List[Index]];
};

type Result<Symbol extends NativeSymbol> = Symbol["nonblocking"] extends true
  ? Promise<NativeValues[Symbol["result"]]>
  : NativeValues[Symbol["result"]];

/** The callable form of one symbol. */
export type NativeFunction<Symbol extends NativeSymbol> = (
  ...values: Parameters<Symbol["parameters"]>
) => Result<Symbol>;

/** The callable form of a table: call types are derived from it, never written twice. */
export type NativeFunctions<Table extends SymbolTable> = {
  readonly [Name in keyof Table]: NativeFunction<Table[Name]>;
};

/** The JavaScript side of a function that C calls. It must not throw: C could not hear of it. */
export type CallbackFunction<Signature extends NativeSignature> = (
  ...values: Parameters<Signature["parameters"]>
) => NativeValues[Signature["result"]];

/** A C function that calls JavaScript on the thread that made it. */
export interface NativeCallback {
  readonly pointer: Pointer;
  /** Frees it; C must not call it any more, and none of its calls may be under way. Idempotent. */
  close(): void;
}

/** Tells when a descriptor can be read. */
export interface Watcher {
  /** Asks for the next call of the listener. Keeps the event loop alive until it comes. */
  arm(): void;
  /** Withdraws the request, and lets the process end. */
  disarm(): void;
  /** Ends the watcher; the descriptor stays open. */
  close(): void;
}

/**
 * Called when the descriptor is readable. A runtime that can only watch by reading hands over the
 * datagram it took; it is borrowed for the call. Such a call may also come unasked.
 */
export type ReadableListener = (datagram: Uint8Array | undefined) => void;

/** Signals that end a process that does not listen for them. */
export type EndingSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** How a program ended. */
export interface ProgramEnd {
  /** The exit status; undefined where the program was not started, or a signal ended it. */
  readonly status: number | undefined;
  /** The signal that ended it: `"SIGINT"`. */
  readonly signal: string | undefined;
  readonly output: string;
  readonly errors: string;
  /** Why it was not started: `"not-found"`, `"not-permitted"`, or the system's word. */
  readonly failure: string | undefined;
}

/** A module that is served by a name. */
export interface ServedModule {
  /** Its address. A program in one file has nothing there. */
  readonly url: string;
  readonly load: () => Promise<object>;
}

/** What a runtime must be able to do. */
export interface Backend {
  readonly runtime: "deno" | "bun" | "node";
  /** The operating system's name as Node writes it: `"linux"`. */
  readonly platform: string;
  /**
   * The flag that makes this process load the program anew and keep what the old one had open;
   * undefined where it was not given.
   */
  readonly reloadFlag: string | undefined;
  /** Opens a library. Symbols with `since` may be missing: they then throw when called. */
  open<Table extends SymbolTable>(path: string, table: Table): NativeFunctions<Table>;
  /** The address of a buffer's first byte. The caller keeps the buffer alive. */
  addressOf(buffer: ArrayBuffer): number;
  pointerTo(address: number): Pointer | null;
  /** The pointer so many bytes further on, or before. */
  offset(pointer: Pointer, byteCount: number): Pointer;
  /** Memory that C owns, as an ArrayBuffer over it. */
  viewOf(pointer: Pointer, byteLength: number): ArrayBuffer;
  /** Makes a C function out of a JavaScript one; it lives until it is closed. */
  callback<Signature extends NativeSignature>(
    signature: Signature,
    call: CallbackFunction<Signature>,
  ): NativeCallback;
  watch(descriptor: number, listener: ReadableListener): Watcher;
  /**
   * Calls back once, when any pollable descriptor can be read, and reads nothing. Keeps the event
   * loop alive until then. Gives back how to withdraw; call it before the descriptor is closed.
   */
  onceReadable(descriptor: number, callback: () => void): () => void;
  /** Runs `callback` when this process or worker ends by itself. Gives back how to take it off. */
  onExit(callback: () => void): () => void;
  /**
   * Calls back before an error ends this process that nothing catches: Deno then says no more. Gives back
   * how to take it off.
   */
  onUncaughtError(callback: () => void): () => void;
  /** Whether this is the program's first thread, and no worker. */
  readonly isMainThread: boolean;
  /**
   * Calls back when a signal arrives at this process, which does not keep the event loop alive. Only for the
   * main thread. Gives back how to withdraw.
   */
  onSignal(signal: EndingSignal, callback: () => void): () => void;
  /** Whether the program listens for the signal, by other means than `onSignal`. To ask once it has come. */
  hasListener(signal: EndingSignal): boolean;
  /** Runs a program to its end while this thread waits. No shell is involved. */
  runProgram(words: readonly [string, ...string[]], input?: string): ProgramEnd;
  /**
   * Lets modules that are loaded later import these by their names, wherever they lie. Nothing is done
   * where only an import map can: false is given back.
   */
  serveModules(modules: Readonly<Record<string, ServedModule>>): boolean;
  /** An environment variable; undefined where it is unset or may not be read. */
  environment(name: string): string | undefined;
}

/** What the missing-symbol stub of a backend throws. */
export class MissingSymbolError extends Error {
  /** Always `"MissingSymbolError"`. */
  override readonly name = "MissingSymbolError";

  /**
   * A function that a library of this version lacks.
   *
   * @param symbol the C function
   * @param since the first version of the library that has it
   * @param path the library's file
   */
  constructor(symbol: string, since: string, path: string) {
    super(`${symbol} needs version ${since} or later of its library; ${path} is older`);
  }
}
