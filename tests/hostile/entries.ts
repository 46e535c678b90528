/**
 * One table's form for all entries that take bytes, and how every kind of bytes is tried on one.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Kind, KINDS, ran } from "./kinds.ts";

/** One place to put bytes into, and what can be seen there. */
export interface Subject {
  /** What a well-meaning program puts in. */
  readonly bytes: Uint8Array;
  use(value: unknown): unknown;
  /** What must be the same after a throw, and as with honest bytes after success. */
  state(): unknown;
}

/** An entry that takes bytes. */
export interface Entry {
  /** A fresh one. */
  open(): Subject;
  /** It writes into the bytes. */
  readonly writes?: boolean;
  /** C writes into the bytes: shared memory is refused. */
  readonly lends?: boolean;
  /** A list may stand in the place of the bytes: what it makes of an array is not of interest. */
  readonly lists?: boolean;
}

/** The same for comparing: Uint8Arrays of any class are their bytes, what borrows is copied. */
function settled(value: unknown): unknown {
  return structuredClone(value);
}

/** What comes of this kind must be what is expected of it. */
export async function tryKind(entry: Entry, kind: Kind): Promise<void> {
  const honest = entry.open();
  const plain = KINDS[0]!.make(honest.bytes);
  const result = settled(await honest.use(plain.value));
  const state = settled(honest.state());

  const subject = entry.open();
  const before = settled(subject.state());
  const given = kind.make(subject.bytes);
  ran.count = 0;
  ran.names.clear();
  const works = kind.expected === "works" && !(entry.lends && kind.shared);
  if (works) {
    const value = settled(await subject.use(given.value));
    assert.equal(ran.count, 0, `code of the array ran: ${[...ran.names].join(", ")}`);
    assert.deepEqual(value, result);
    assert.deepEqual(settled(subject.state()), state);
    if (entry.writes) {
      const { length } = honest.bytes;
      assert.deepEqual(given.content().slice(0, length), plain.content().slice(0, length));
    }
  } else {
    await assert.rejects(async () => await subject.use(given.value), TypeError);
    assert.equal(ran.count, 0, `code of the array ran: ${[...ran.names].join(", ")}`);
    assert.deepEqual(settled(subject.state()), before, "it has changed something");
  }
}

/** All kinds on one entry; what fails names both. */
export async function tryKinds(name: string, entry: Entry): Promise<void> {
  const failed: string[] = [];
  for (const kind of KINDS) {
    if (entry.lists && kind.name === "an Array") continue;
    try {
      await tryKind(entry, kind);
    } catch (error) {
      failed.push(`${kind.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  assert.equal(failed.length, 0, `${name}\n${failed.join("\n")}`);
}
