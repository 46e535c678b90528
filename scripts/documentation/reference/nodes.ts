/**
 * What `deno doc --json` tells, as far as the pages show it.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { root, textOf } from "../files.ts";

/** A type, as it is written. */
export type TypeNode =
  | { readonly kind: "keyword" | "literal" | "typeQuery"; readonly repr: string }
  | { readonly kind: "literal"; readonly repr: string; readonly value: { readonly kind: string } }
  | {
    readonly kind: "typeRef";
    readonly value: { readonly typeName: string; readonly typeParams?: readonly TypeNode[] };
  }
  | { readonly kind: "union" | "intersection" | "tuple"; readonly value: readonly TypeNode[] }
  | { readonly kind: "array" | "parenthesized" | "optional" | "rest"; readonly value: TypeNode }
  | {
    readonly kind: "typeOperator";
    readonly value: { readonly operator: string; readonly tsType: TypeNode };
  }
  | {
    readonly kind: "indexedAccess";
    readonly value: { readonly objType: TypeNode; readonly indexType: TypeNode };
  }
  | {
    readonly kind: "fnOrConstructor";
    readonly value: {
      readonly constructor: boolean;
      readonly params: readonly Parameter[];
      readonly tsType: TypeNode;
    };
  }
  | { readonly kind: "typeLiteral"; readonly value: Members };

/** A parameter of a function. */
export interface Parameter {
  readonly kind: "identifier" | "object" | "assign" | "rest" | "array";
  readonly name?: string;
  readonly optional?: boolean;
  readonly tsType?: TypeNode;
  /** Of `assign`: the parameter that has a default. */
  readonly left?: Parameter;
  /** Of `rest`. */
  readonly arg?: Parameter;
}

/** A parameter of a type. */
export interface TypeParameter {
  readonly name: string;
  readonly constraint?: TypeNode;
  readonly default?: TypeNode;
}

/** A comment's part that begins with `@`. */
export interface Tag {
  readonly kind: string;
  readonly name?: string;
  readonly doc?: string;
  readonly value?: string;
  readonly tsType?: TypeNode;
}

/** A doc comment. */
export interface Comment {
  readonly doc?: string;
  readonly tags?: readonly Tag[];
}

/** What a function or method takes and gives. */
export interface FunctionNode {
  readonly params: readonly Parameter[];
  readonly returnType?: TypeNode;
  readonly typeParams?: readonly TypeParameter[];
  readonly hasBody?: boolean;
}

/** A member of a class, an interface or an object type. */
export interface Member {
  readonly name: string;
  readonly jsDoc?: Comment;
  readonly accessibility?: "public" | "protected" | "private";
  readonly isStatic?: boolean;
  readonly optional?: boolean;
  readonly readonly?: boolean;
  readonly tsType?: TypeNode;
  /** Of methods of a class. */
  readonly kind?: "method" | "getter" | "setter";
  readonly functionDef?: FunctionNode;
  /** Of methods of an interface. */
  readonly params?: readonly Parameter[];
  readonly returnType?: TypeNode;
}

/** The members of a class, an interface or an object type. */
export interface Members {
  readonly constructors?: readonly Member[];
  readonly properties?: readonly Member[];
  readonly methods?: readonly Member[];
  readonly indexSignatures?: readonly Member[];
}

interface Place {
  readonly filename: string;
  readonly line: number;
}

/** A declaration; a name may have several. */
export interface Declaration {
  readonly kind: "class" | "interface" | "typeAlias" | "function" | "variable" | "reference";
  readonly location: Place;
  readonly jsDoc?: Comment;
  readonly def: Members & FunctionNode & {
    readonly extends?: string | readonly TypeNode[];
    readonly implements?: readonly TypeNode[];
    readonly superTypeParams?: readonly TypeNode[];
    readonly tsType?: TypeNode;
    readonly isAbstract?: boolean;
    readonly kind?: string;
    /** Of `reference`: where the declaration is that has all the rest. */
    readonly target?: Place;
  };
}

/** One entry of the package. */
export interface Entry {
  /** As deno.json names it: `./packet`. */
  readonly name: string;
  /** As a program imports it. */
  readonly specifier: string;
  readonly comment: Comment;
  readonly symbols: readonly { readonly name: string; readonly declarations: Declaration[] }[];
}

/**
 * Reads the documentation of every entry of deno.json.
 *
 * @param deno the program
 */
export function readEntries(deno: string): Entry[] {
  const { name: scope, exports } = JSON.parse(textOf("deno.json")) as {
    readonly name: string;
    readonly exports: Readonly<Record<string, string>>;
  };
  const words = ["doc", "--json", ...Object.values(exports)];
  const { status, stdout, stderr, error } = spawnSync(deno, words, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    maxBuffer: 1 << 26,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`deno doc: ${stderr}`);
  const { nodes } = JSON.parse(stdout) as {
    readonly nodes: Readonly<
      Record<string, { readonly module_doc?: Comment; readonly symbols: Entry["symbols"] }>
    >;
  };
  return Object.entries(exports).map(([name, path]) => {
    const node = nodes[pathToFileURL(join(root, path)).href];
    if (node === undefined) throw new Error(`deno doc said nothing of ${path}`);
    const specifier = scope + name.slice(1);
    return { name, specifier, comment: node.module_doc ?? {}, symbols: node.symbols };
  });
}
