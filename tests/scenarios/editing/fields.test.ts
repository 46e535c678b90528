// Every plain field that can be written, changed in flight: what arrives is what was written, and the
// kernel's own stack finds nothing wrong with it. setters.test.ts has what is more than a field.

import assert from "node:assert/strict";
import { test } from "node:test";
import { requireIsolation } from "../../support/network/isolation.ts";
import { fieldChanges, packetFor } from "./cases.ts";
import { UPPER } from "./packets.ts";
import { partChanges } from "./parts.ts";
import { Addresses, sendChanged } from "./traffic.ts";

requireIsolation();

for (const family of [4, 6] as const) {
  for (const [name, upper] of Object.entries(UPPER[family])) {
    test(`every field of ${name} over IPv${family}`, { timeout: 60_000 }, async () => {
      using _addresses = await Addresses.open();
      const bytes = packetFor(family, upper);
      const changes = fieldChanges(family, bytes);
      assert.ok(changes.length > 40, `${changes.length}`);
      await sendChanged(family, bytes, changes);
    });

    test(`parts of ${name} over IPv${family}`, { timeout: 60_000 }, async () => {
      using _addresses = await Addresses.open();
      await sendChanged(family, packetFor(family, upper), partChanges(family));
    });
  }
}
