/**
 * Which page tells of which public name.
 *
 * @module
 */

import { unused } from "../html.ts";
import type { Declaration, Entry, Member, Members } from "./nodes.ts";
import { functionOf } from "./types.ts";

/** A member as a page shows it: overloads and pairs of accessors are one. */
export interface ShownMember {
  readonly name: string;
  readonly anchor: string;
  readonly kind: "constructor" | "property" | "method" | "index";
  readonly isStatic: boolean;
  readonly forms: readonly Member[];
}

/** A public name. */
export interface PublicName {
  readonly name: string;
  /** The entry that has its page. */
  readonly entry: Entry;
  /** Entries that export it too. */
  readonly others: Entry[];
  /** Its page in the site. */
  readonly page: string;
  readonly declarations: readonly Declaration[];
  readonly members: readonly ShownMember[];
}

/** The folder of an entry's pages. */
export function folderOf(entry: Entry): string {
  return `api/${entry.name === "." ? "nfqueue" : entry.name.slice(2)}`;
}

/** Not for users: what is private or protected, and what stands under a symbol of our own. */
function isShown({ name, accessibility, jsDoc }: Member): boolean {
  return (accessibility ?? "public") === "public" &&
    (!name.startsWith("[") || name.startsWith("[Symbol.")) &&
    !(jsDoc?.tags ?? []).some(({ kind }) => kind === "internal" || kind === "ignore");
}

/** An accessor as the property that a program sees. */
function asProperty(forms: readonly Member[]): Member {
  const getter = forms.find(({ kind }) => kind === "getter");
  const setter = forms.find(({ kind }) => kind === "setter");
  const first = getter ?? setter!;
  const type = getter?.functionDef?.returnType ?? setter?.functionDef?.params[0]?.tsType;
  const jsDoc = getter?.jsDoc ?? setter?.jsDoc;
  return {
    name: first.name,
    readonly: setter === undefined,
    isStatic: first.isStatic ?? false,
    ...(type === undefined ? {} : { tsType: type }),
    ...(jsDoc === undefined ? {} : { jsDoc }),
  };
}

function membersOf(all: readonly Members[]): ShownMember[] {
  const anchors = new Set<string>();
  const shown: ShownMember[] = [];
  const add = (kind: ShownMember["kind"], forms: readonly Member[]) => {
    const [{ name, isStatic = false } = { name: "" }] = forms;
    const word = name.replace(/[^\w.]+/g, "") || "index";
    shown.push({ name, anchor: unused(word, anchors), kind, isStatic, forms });
  };
  for (const { constructors = [], properties = [], methods = [], indexSignatures = [] } of all) {
    const visible = constructors.filter(isShown);
    if (visible.length > 0) add("constructor", visible);
    for (const property of properties.filter(isShown)) add("property", [property]);
    for (const index of indexSignatures) add("index", [{ ...index, name: "" }]);
    const byName = Map.groupBy(
      methods.filter(isShown),
      ({ name, isStatic }) => `${isStatic ?? false} ${name}`,
    );
    for (const forms of byName.values()) {
      const isAccessor = forms.some(({ kind }) => kind === "getter" || kind === "setter");
      if (isAccessor) add("property", [asProperty(forms)]);
      else add("method", withoutBody(forms, (form) => functionOf(form)));
    }
  }
  return shown;
}

/** Of overloads, the last is the code and no form of its own. */
export function withoutBody<Form>(
  forms: readonly Form[],
  functionNode: (form: Form) => { readonly hasBody?: boolean },
): readonly Form[] {
  return forms.length > 1 ? forms.filter((form) => functionNode(form).hasBody !== true) : forms;
}

/** An object type's members are documented one by one; a type of another kind is only written. */
function bodiesOf(declarations: readonly Declaration[]): Members[] {
  return declarations.flatMap(({ kind, def }) => {
    if (kind === "class" || kind === "interface") return [def];
    if (kind !== "variable" && kind !== "typeAlias") return [];
    return def.tsType?.kind === "typeLiteral" ? [def.tsType.value] : [];
  });
}

/** All public names of all entries. */
export class Names {
  readonly entries: readonly Entry[];
  readonly all: PublicName[] = [];
  readonly #byEntry = new Map<Entry, Map<string, PublicName>>();

  constructor(entries: readonly Entry[]) {
    this.entries = entries;
    const byPlace = new Map<string, PublicName>();
    const place = ({ filename, line }: Declaration["location"]) => `${filename}:${line}`;
    for (const entry of entries) {
      const own = new Map<string, PublicName>();
      this.#byEntry.set(entry, own);
      // Files whose names differ only in case are one file on some systems.
      const taken = new Set<string>(["index"]);
      for (const { name, declarations } of entry.symbols) {
        const known = declarations.filter(({ kind }) => kind !== "reference");
        if (known.length === 0) continue;
        const lower = unused(name.toLowerCase(), taken);
        const page = `${folderOf(entry)}/${name}${lower.slice(name.length)}.html`;
        const members = membersOf(bodiesOf(known));
        const made = { name, entry, others: [], page, declarations: known, members };
        own.set(name, made);
        this.all.push(made);
        for (const { location } of known) byPlace.set(place(location), made);
      }
    }
    for (const entry of entries) {
      for (const { name, declarations } of entry.symbols) {
        const target = declarations.find(({ kind }) => kind === "reference")?.def.target;
        if (target === undefined || this.#byEntry.get(entry)!.has(name)) continue;
        const made = byPlace.get(place(target));
        if (made === undefined) throw new Error(`${entry.name}: nothing documents ${name}`);
        made.others.push(entry);
        this.#byEntry.get(entry)!.set(name, made);
      }
    }
  }

  /** The names of one entry, by the alphabet. */
  of(entry: Entry): PublicName[] {
    const names = [...this.#byEntry.get(entry)!.values()];
    return names.sort((one, other) => one.name < other.name ? -1 : 1);
  }

  /**
   * The page, and the anchor, of what a text names: `PacketQueue`, `PacketQueue.open`, `open()`.
   *
   * @param entry where it is looked for first
   * @param owner a name whose members are meant where they stand alone
   */
  find(
    text: string,
    { entry, owner }: { readonly entry?: Entry; readonly owner?: PublicName } = {},
  ): string | undefined {
    const [, name = "", member] = /^(\w+)(?:\.([\w.]+))?(?:\(\))?$/.exec(text) ?? [];
    const entries = entry === undefined ? this.entries : [entry, ...this.entries];
    const found = entries.map((one) => this.#byEntry.get(one)!.get(name))
      .find((one) => one !== undefined);
    if (found !== undefined && member === undefined) return found.page;
    if (found === undefined && owner === undefined) return undefined;
    const [of, wanted] = found === undefined
      ? [owner!, text.replace(/\(\)$/, "")]
      : [found, member];
    const anchor = of.members.find((one) => one.name === wanted)?.anchor;
    return anchor === undefined ? undefined : `${of.page}#${anchor}`;
  }
}
