/** Everything that is fuzzed. */
import type { Target } from "../target.ts";
import { ANSWER_TARGETS } from "./answer.ts";
import { BUILD_TARGETS } from "./build.ts";
import { BYTES_TARGETS } from "./bytes.ts";
import { DATAGRAM_TARGETS } from "./datagrams.ts";
import { EDIT_TARGETS } from "./edit.ts";
import { ENCODE_TARGETS } from "./encode.ts";
import { IDENTIFY_TARGETS } from "./identify.ts";
import { MESSAGE_TARGETS } from "./messages.ts";
import { NUMBER_TARGETS } from "./number.ts";
import { PACKET_TARGETS } from "./packet.ts";
import { READ_TARGETS } from "./read.ts";
import { STREAM_TARGETS } from "./streams.ts";

export const TARGETS: readonly Target[] = [
  ...[...READ_TARGETS, ...MESSAGE_TARGETS, ...EDIT_TARGETS, ...BUILD_TARGETS, ...ENCODE_TARGETS],
  ...[...NUMBER_TARGETS, ...BYTES_TARGETS, ...PACKET_TARGETS, ...IDENTIFY_TARGETS],
  ...[...DATAGRAM_TARGETS, ...ANSWER_TARGETS, ...STREAM_TARGETS],
];
