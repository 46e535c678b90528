/** Everything that is fuzzed. */
import type { Target } from "../target.ts";
import { EDIT_TARGETS } from "./edit.ts";
import { MESSAGE_TARGETS } from "./messages.ts";
import { READ_TARGETS } from "./read.ts";

export const TARGETS: readonly Target[] = [...READ_TARGETS, ...MESSAGE_TARGETS, ...EDIT_TARGETS];
