// Every setter of every view, used on real packets: what arrives is what was written, the kernel's
// own stack finds nothing wrong with it, and a setter that is new here makes a test fail.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as packets from "../../../src/packet/mod.ts";
import { requireIsolation } from "../../support/network/isolation.ts";
import { UPPER } from "./packets.ts";
import { fieldChanges, packetFor, type Scenario, SCENARIOS } from "./cases.ts";
import { Addresses, type Change, plain, sendChanged } from "./traffic.ts";

requireIsolation();

for (const [name, { family, packet, changes }] of Object.entries(SCENARIOS)) {
  test(`${name}: what is more than a field`, { timeout: 60_000 }, async () => {
    using _addresses = await Addresses.open();
    await sendChanged(family, packet, changes);
  });
}

/** In frames, which a queue only sees in the bridge family: tests/vm changes them. */
const IN_FRAMES: readonly string[] = ["arp", "ethernet", "vlan"];

/** Every setter, as `layer.field`, from the views themselves. */
function setters(): string[] {
  return Object.entries(packets).flatMap(([name, view]) => {
    if (!name.endsWith("View") || typeof view !== "function") return [];
    const layer = name[0]!.toLowerCase() + name.slice(1, -"View".length);
    if (IN_FRAMES.includes(layer)) return [];
    return Object.entries(Object.getOwnPropertyDescriptors(view.prototype))
      .filter(([, { set }]) => set !== undefined)
      .map(([field]) => `${layer}.${field}`);
  });
}

/** All that the tests of this file and of fields.test.ts send. */
function everything(): Scenario[] {
  const fields = ([4, 6] as const).flatMap((family) =>
    Object.entries(UPPER[family]).map(([, upper]): Scenario => {
      const packet = packetFor(family, upper);
      return { family, packet, changes: fieldChanges(family, packet) };
    })
  );
  return [...fields, ...Object.values(SCENARIOS)];
}

/** The families that a layer can be in. */
function familiesOf(layer: string): number[] {
  if (layer === "ipv4" || layer === "icmp") return [4];
  return layer === "ipv6" || layer === "icmpv6" ? [6] : [4, 6];
}

test("no setter is left out, in either family", { timeout: 30_000 }, () => {
  const changed = new Set<string>();
  for (const { family, changes } of everything()) {
    for (const { sets } of changes) changed.add(`${sets} over IPv${family}`);
  }
  const all = setters();
  assert.ok(all.length > 70, `${all.length}`);
  const missing = all.flatMap((setter) =>
    familiesOf(setter.split(".")[0]!).map((family) => `${setter} over IPv${family}`)
  ).filter((name) => !changed.has(name));
  assert.deepEqual(missing, []);
});

/** The layers after a change, without any traffic. */
function after({ packet }: Scenario, change: Change): packets.Layers {
  const layers = packets.parseLayers(packet.slice());
  change.act(layers);
  return layers;
}

test("no kind of option or extension header is left out", { timeout: 30_000 }, () => {
  const kinds = { tcp: new Set<number>(), ipv6: new Set<number>() };
  for (const scenario of everything()) {
    for (const change of scenario.changes) {
      const { tcp, ipv6 } = after(scenario, change);
      tcp?.optionList.forEach(({ kind }) => kinds.tcp.add(kind));
      ipv6?.extensions.forEach(({ protocol }) => kinds.ipv6.add(protocol));
    }
  }
  const { END: _end, ...options } = packets.TCP_OPTION;
  const left = [
    ...Object.entries(options).filter(([, kind]) => !kinds.tcp.has(kind)),
    ...Object.entries(packets.IPV6_EXTENSION).filter(([, kind]) => !kinds.ipv6.has(kind)),
  ];
  assert.deepEqual(left, []);
});

test("no field inside a value is left out", { timeout: 30_000 }, () => {
  const seen = new Map<string, Set<string>>();
  for (const scenario of everything()) {
    for (const change of scenario.changes) {
      const [layer = "", field = ""] = change.sets?.split(".") ?? [];
      const view = after(scenario, change)[layer as "tcp"] as object | undefined;
      const value: unknown = view && Reflect.get(view, field);
      for (const one of Array.isArray(value) ? value : [value]) {
        if (typeof one !== "object" || one === null || one instanceof Uint8Array) continue;
        for (const [key, inner] of Object.entries(one)) {
          const name = `${change.sets}.${key}`;
          if (!seen.has(name)) seen.set(name, new Set());
          seen.get(name)!.add(JSON.stringify(plain(inner)));
        }
      }
    }
  }
  assert.ok(seen.size >= 20, [...seen.keys()].join());
  const constant = [...seen].filter(([, values]) => values.size < 2).map(([name]) => name);
  assert.deepEqual(constant, []);
});
