/**
 * Classes and their doc comments, as `deno doc --json` tells them.
 *
 * @module
 */

import { readFileSync } from "node:fs";

/** A doc comment, taken apart. Of what `@throws` names, the type is empty where none stands. */
export interface Comment {
  readonly text: string;
  readonly parameters: readonly { readonly name: string; readonly text: string }[];
  readonly returns: string | undefined;
  readonly throws: readonly { readonly type: string; readonly text: string }[];
  /** `@remarks`: in what it is unlike C. */
  readonly remarks: readonly string[];
  readonly examples: readonly string[];
  readonly deprecated: string | undefined;
}

/** A method, or a property. */
export interface Member extends Comment {
  readonly name: string;
  readonly kind: "method" | "getter" | "property";
  readonly isStatic: boolean;
  /** From the name to the result's type, as the source has it. */
  readonly signature: string;
}

/** A class with what it inherits, or an interface. */
export interface ClassDocs extends Comment {
  readonly name: string;
  readonly members: readonly Member[];
}

/** Everything that a module exports which the reference speaks of. */
export interface ModuleDocs {
  readonly classes: ReadonlyMap<string, ClassDocs>;
  /** Interfaces and type aliases. */
  readonly types: ReadonlyMap<string, ClassDocs>;
  /** Functions and constants. */
  readonly values: ReadonlyMap<string, Comment>;
}

interface JsonTag {
  readonly kind: string;
  readonly name?: string;
  readonly doc?: string;
  readonly value?: string;
  readonly tsType?: { readonly repr: string };
}

interface JsonDoc {
  readonly doc?: string;
  readonly tags?: readonly JsonTag[];
}

interface JsonMember {
  readonly name: string;
  readonly kind?: string;
  readonly isStatic?: boolean;
  readonly accessibility?: string;
  readonly jsDoc?: JsonDoc;
  readonly location: { readonly filename: string; readonly byteIndex: number };
}

interface JsonDeclaration {
  readonly kind: string;
  readonly jsDoc?: JsonDoc;
  readonly def: {
    readonly extends?: string;
    readonly methods?: readonly JsonMember[];
    readonly properties?: readonly JsonMember[];
  };
}

interface JsonModule {
  readonly nodes: Readonly<
    Record<string, {
      readonly symbols: readonly {
        readonly name: string;
        readonly declarations: readonly JsonDeclaration[];
      }[];
    }>
  >;
}

/** Reads what `deno doc --json` says of one module. */
export function readClasses(json: string): ModuleDocs {
  const [module] = Object.values((JSON.parse(json) as JsonModule).nodes);
  const declarations = new Map(
    (module?.symbols ?? []).map(({ name, declarations }) => [name, declarations[0]!]),
  );
  const classes = new Map<string, ClassDocs>();
  const types = new Map<string, ClassDocs>();
  const values = new Map<string, Comment>();
  for (const [name, { kind, jsDoc }] of declarations) {
    const docs = () => ({ name, ...readComment(jsDoc), members: membersOf(name, declarations) });
    if (kind === "class") classes.set(name, docs());
    else if (kind === "interface" || kind === "typeAlias") types.set(name, docs());
    else values.set(name, readComment(jsDoc));
  }
  return { classes, types, values };
}

function membersOf(
  name: string,
  declarations: ReadonlyMap<string, JsonDeclaration>,
): readonly Member[] {
  const { methods = [], properties = [], extends: base } = declarations.get(name)!.def;
  const own = [...properties, ...methods]
    .filter((member) => member.accessibility === undefined && !member.name.startsWith("["))
    .filter(({ kind }) => kind !== "setter")
    .sort((a, b) => a.location.byteIndex - b.location.byteIndex)
    .map((member): Member => ({
      name: member.name,
      kind: member.kind === "method" || member.kind === "getter" ? member.kind : "property",
      isStatic: member.isStatic ?? false,
      signature: signatureAt(member.location),
      ...readComment(member.jsDoc),
    }));
  return base !== undefined && declarations.has(base)
    ? [...own, ...membersOf(base, declarations)]
    : own;
}

function readComment({ doc = "", tags = [] }: JsonDoc = {}): Comment {
  const all = (kind: string) => tags.filter((tag) => tag.kind === kind);
  return {
    text: plain(doc),
    parameters: all("param").map(({ name = "", doc = "" }) => ({ name, text: plain(doc) })),
    returns: all("return").map(({ doc = "" }) => plain(doc))[0],
    throws: all("throws").map(({ tsType, doc = "" }) => ({
      type: tsType?.repr ?? "",
      text: plain(doc),
    })),
    remarks: all("unsupported").flatMap(({ value = "" }) =>
      value.startsWith("@remarks ") ? [plain(value.slice("@remarks ".length))] : []
    ),
    examples: all("example").map(({ doc = "" }) => doc.trim()),
    deprecated: all("deprecated").map(({ doc = "" }) => plain(doc))[0],
  };
}

/** Links within the code become code, and so do C headers, which would be taken for HTML. */
function plain(text: string): string {
  return text.replace(/\{@link (?:\w+\.)?(\w+)\}/g, "`$1`").replace(/<[\w/]+\.h>/g, "`$&`").trim();
}

/** The head of a method, up to its body. Its result has a type, which is no object literal. */
function signatureAt({ filename, byteIndex }: JsonMember["location"]): string {
  const bytes = readFileSync(new URL(filename)).subarray(byteIndex);
  const source = new TextDecoder().decode(bytes);
  let depth = 0;
  for (let at = 0; at < source.length; at++) {
    const character = source[at]!;
    if (character === "(") depth++;
    else if (character === ")") depth--;
    else if (depth === 0 && (character === "{" || character === ";")) {
      return source.slice(0, at).replace(/^(?:static|readonly|get) /, "")
        .replace(/\s+/g, " ").replace("( ", "(").replace(/, \)/, ")").trim();
    }
  }
  throw new Error(`${filename}: no signature at byte ${byteIndex}`);
}
