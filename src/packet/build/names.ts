// The names of the fields that a packet can be built of: a misspelt one is an error, not left out.
import { checkKeys, checkList } from "../../base/checks.ts";
import { FIELDS } from "../headers.ts";
import type { IpFields, PacketFields, VlanFields } from "./fields.ts";

type Layer = keyof typeof FIELDS;

/** What each header is built of; of several tags, what one of them is. */
type Built = {
  [Name in Layer]: Name extends "vlan" ? VlanFields : NonNullable<PacketFields[Name]>;
};

/** Fields that a header is built of and its view does not tell: none. */
type Untold = { [Name in Layer]: Exclude<keyof Built[Name], typeof FIELDS[Name][number]> }[Layer];

/** A header is built of what its view tells: the compiler complains about a field that has no view. */
const LAYERS: [Untold] extends [never] ? readonly Layer[] : never = Object.keys(FIELDS) as Layer[];

/** What a view tells besides is let pass, so that its JSON can be built of. */
const NAMES = new Map(LAYERS.map((layer) => [layer, [...FIELDS[layer], "payload"]]));
/** So many tags fill a packet. */
const MAX_TAGS = 0x3fff;
const TYPED_ARRAY = Object.getPrototypeOf(Uint8Array) as typeof Uint8Array;
const TOP = [...LAYERS, "ip", "payload"];
const IP = [
  ...["source", "destination", "ttl", "dscp", "ecn", "protocol"] satisfies (keyof IpFields)[],
  "payload",
];

/** @throws {TypeError} when a field is none that a packet is built of. */
export function checkFields(fields: PacketFields): void {
  checkKeys("buildPacket's object", fields, TOP);
  if (fields.ip !== undefined) checkKeys("ip", fields.ip, IP);
  let innermost: unknown = fields.ip;
  let name = "ip";
  for (const [layer, names] of NAMES) {
    const given = fields[layer];
    if (given === undefined) continue;
    innermost = given;
    name = layer;
    // Only tags may be several.
    const several = layer === "vlan" && Array.isArray(given);
    for (const part of several ? checkList(layer, given, MAX_TAGS) : [given]) {
      // What only says that it is an array of bytes throws where it is asked for its length.
      if (part instanceof TYPED_ARRAY) throw new TypeError(`${layer} must be an object of fields`);
      checkKeys(layer, part, names);
    }
  }
  // A view's JSON tells what is behind the header. Nobody else means that it is left out.
  const { payload } = Object(innermost) as { readonly payload?: unknown };
  if (payload !== undefined && payload !== "" && fields.payload === undefined) {
    throw new TypeError(`payload stands beside ${name}, not in it`);
  }
}
