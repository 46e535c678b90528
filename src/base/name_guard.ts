// Assigning to a property that a view does not have, or only reads, is an error that says what to do.
// Otherwise JavaScript makes a new property, and the packet stays as it was without a word.
import { ALIASES } from "./alias_names.ts";
import { nearNames, oneOf, sameNames, showName } from "./names.ts";

/** A class that is guarded. */
interface Guarded {
  readonly prototype: object;
}

/** What to do instead of an assignment to a property that can only be read. */
export type Advice = Readonly<Record<string, string>>;

interface View {
  /** What can be assigned. */
  readonly names: readonly string[];
  /** What can only be read. */
  readonly readOnly: readonly string[];
  readonly advice: Advice;
}

/** By the name that messages call a view by. */
const VIEWS = new Map<string, View>();

/** How one gets from a packet to a view. A `type` of ICMP is not looked for in a frame's headers. */
const WAYS: Readonly<Record<string, string>> = {
  ...{ ipv4: "ip", ipv6: "ip", tcp: "tcp", udp: "udp", icmp: "icmp", icmpv6: "icmpv6" },
  ...{ arp: "arp", ethernet: "ethernet" },
};

/**
 * Makes assignments to names that a class does not have a TypeError that names the right one, and
 * those to properties that can only be read one with the advice.
 *
 * What is not there still reads as undefined, and a symbol may be assigned. The objects stay as they
 * are: only a name that none of the classes on the chain has is looked for at its end, where a Proxy
 * is, so that what exists costs nothing more.
 *
 * @param name what messages call the object
 */
export function guardNames(guarded: Guarded, name: string, advice: Advice = {}): void {
  const end = Object.create(Object.prototype) as object;
  const set = (
    target: object,
    key: string | symbol,
    value: unknown,
    receiver: unknown,
  ): boolean => {
    if (typeof key === "symbol" || key in target) return Reflect.set(target, key, value, receiver);
    throw new TypeError(unknownProperty(name, key));
  };
  guard(guarded, name, { advice, below: Object.create(new Proxy(end, { set })) });
}

/**
 * The same for the words that are known alone: what the properties of this class and of all that are
 * guarded already are called, here and elsewhere. In Bun a Proxy in the chain makes a class's objects
 * dearer to create (about 70 ns), which is too much for what is made for each packet.
 */
export function guardWords(guarded: Guarded, name: string, advice: Advice = {}): void {
  const below = Object.create(Object.prototype) as object;
  const aliases = Object.values(ALIASES).flatMap((view) => Object.values(view))
    .flatMap((words) => words.split(" "));
  const properties = [...VIEWS.values()].flatMap(({ names, readOnly }) => [...names, ...readOnly]);
  for (const key of new Set([...aliases, ...properties])) {
    // Such as an object has of its own.
    if (key in Object.prototype || key in guarded.prototype) continue;
    const set = () => {
      throw new TypeError(unknownProperty(name, key));
    };
    Object.defineProperty(below, key, { set, configurable: true });
  }
  guard(guarded, name, { advice, below });
}

/** @param below what goes between the class and `Object.prototype`, and refuses names */
function guard(
  { prototype }: Guarded,
  name: string,
  { advice, below }: { readonly advice: Advice; readonly below: object },
): void {
  const names = new Set<string>();
  const readOnly = new Set<string>();
  // Templates and String() look for it: not as far as the Proxy.
  Object.defineProperty(below, Symbol.toPrimitive, { value: undefined, writable: true });
  let at = prototype;
  for (let more = true; more;) {
    const parent = Object.getPrototypeOf(at) as object;
    more = parent !== Object.prototype;
    const properties = Object.entries(Object.getOwnPropertyDescriptors(at));
    const setters = properties.filter(([, { set }]) => set !== undefined).map(([key]) => key);
    for (const key of setters) names.add(key);
    // Where there are setters, a view's own are to be those that can be used: the others go below.
    const holder = more || setters.length === 0 ? at : below;
    for (const [key, { get, set }] of properties) {
      if (get === undefined || set !== undefined) continue;
      readOnly.add(key);
      if (holder !== at) Reflect.deleteProperty(at, key);
      const refused = () => {
        throw new TypeError(`${name}.${key} cannot be assigned${advised(advice, key)}`);
      };
      Object.defineProperty(holder, key, { get, set: refused, configurable: true });
    }
    if (!more) Object.setPrototypeOf(at, below);
    at = parent;
  }
  for (const key of names) readOnly.delete(key);
  VIEWS.set(name, { names: [...names], readOnly: [...readOnly], advice });
}

function advised(advice: Advice, key: string): string {
  return Object.hasOwn(advice, key) ? `: ${advice[key]}` : ": it can only be read";
}

function unknownProperty(name: string, key: string): string {
  const wrong = `${name} has no ${showName(key)}`;
  const { names, readOnly, advice } = VIEWS.get(name)!;
  const same = sameNames(name, key, names);
  if (same.length > 0) return `${wrong}: it is ${oneOf(same)}`;
  const [read] = sameNames(name, key, readOnly);
  if (read !== undefined) {
    return `${wrong}: it is ${read}, which cannot be assigned${advised(advice, read)}`;
  }
  const elsewhere = places(name, key);
  if (elsewhere.length > 0) return `${wrong}: it is ${oneOf(elsewhere)}`;
  const near = nearNames(key, [...names, ...readOnly]);
  if (near.length > 0) return `${wrong}: did you mean ${oneOf(near)}?`;
  if (names.length === 0) return `${wrong}, and none of its properties can be assigned`;
  return `${wrong}; what can be assigned is ${names.join(", ")}`;
}

/** Where in other views of a packet a property of that name is. */
function places(name: string, key: string): string[] {
  const root = name === "layers" ? name : "packet";
  const found = Object.entries(WAYS).flatMap(([other, way]) => {
    const names = other === name ? undefined : VIEWS.get(other)?.names;
    return sameNames(other, key, names ?? []).map((property) => `${root}.${way}.${property}`);
  });
  return [...new Set(found)];
}
