// Bytes that lie, are gone, shared, or none, at every entry of ./packet, ./netlink, ./capture,
// ./identify and of packets that takes bytes.

import { test } from "node:test";
import { CAPTURE_ENTRIES } from "./capture_entries.ts";
import { tryKinds } from "./entries.ts";
import { IDENTIFY_ENTRIES } from "./identify_entries.ts";
import { WIRE_ENTRIES } from "./wire_entries.ts";

for (const [name, entry] of [...WIRE_ENTRIES, ...CAPTURE_ENTRIES, ...IDENTIFY_ENTRIES]) {
  test(`bytes of every kind, ${name}`, { timeout: 20_000 }, () => tryKinds(name, entry));
}
