/**
 * Tests of handlers and filters without root, rules or C, on any system: a kernel in plain TypeScript,
 * whose queues are real `PacketQueue`s.
 *
 * @module
 */
export { TestKernel, testKernel, type TestSendOptions } from "./test_kernel.ts";
export {
  TestFilter,
  testFilter,
  type TestFilterOptions,
  type TestFilterSendOptions,
} from "./test_filter.ts";
export type { TestCause, TestResult } from "./test_result.ts";
export type { TestPacket, TestPacketOptions } from "./packet_options.ts";
export type { TestConntrack } from "./test_conntrack.ts";
export type { Cause } from "./passage.ts";
