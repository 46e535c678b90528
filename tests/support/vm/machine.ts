/**
 * The virtual machine that tests of tests/vm run in; its kernel has what the host's may lack.
 *
 * @module
 */

import process from "node:process";

/**
 * Options of a test that needs the virtual machine: a generous time limit, because every instruction
 * is emulated, and elsewhere a reason not to run.
 */
export const inMachine: { readonly timeout: number; readonly skip?: string } = {
  timeout: 240_000,
  ...(process.env["NFQUEUE_VM"] === "1"
    ? {}
    : { skip: "needs the virtual machine: ./scripts/test --vm" }),
};
