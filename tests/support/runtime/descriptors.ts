/**
 * This process's file descriptors, as the kernel tells of them.
 *
 * @module
 */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { libc } from "../../../ffi/libraries/libc.ts";
import { NativeMemory } from "../../../ffi/memory.ts";

const POLLIN = 1;
const CLOEXEC = 0o2000000;

/** How many this process has open. */
export function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** How many of them listen to changes of interfaces: route netlink, the group RTMGRP_LINK alone. */
export function linkWatches(): number {
  const lines = readFileSync("/proc/net/netlink", "utf8").split("\n").map((line) =>
    line.trim().split(/\s+/)
  );
  const inodes = lines.filter(([, protocol, , groups]) => protocol === "0" && groups === "00000001")
    .map((fields) => `socket:[${fields[9]}]`);
  return readdirSync("/proc/self/fd").filter((number) => inodes.includes(targetOf(number))).length;
}

function targetOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return ""; // that of the very listing
  }
}

/** The numbers of this process's descriptors that a program started by exec would inherit. */
export function inheritable(): number[] {
  return readdirSync("/proc/self/fd").map(Number).filter((number) => {
    const flags = flagsOf(number);
    return flags !== undefined && (flags & CLOEXEC) === 0;
  });
}

/** poll(2) without a wait: whether a read would find something. */
export function isReadable(descriptor: number): boolean {
  // struct pollfd: int fd; short events; short revents. struct timespec: 0 seconds.
  const memory = new NativeMemory(24);
  memory.view.setInt32(0, descriptor, true);
  memory.view.setInt16(4, POLLIN, true);
  if (libc().ppoll(memory.pointer, 1n, memory.pointerAt(8), null) < 0) {
    throw new Error(`poll(2) of descriptor ${descriptor} failed`);
  }
  const events = memory.view.getInt16(6, true);
  if ((events & ~POLLIN) !== 0) throw new Error(`poll(2) says ${events} of ${descriptor}`);
  return events === POLLIN;
}

/** undefined where it is closed: the descriptor of the very listing is. */
function flagsOf(descriptor: number): number | undefined {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8");
    return parseInt(/^flags:\s*([0-7]+)$/m.exec(info)?.[1] ?? "0", 8);
  } catch {
    return undefined;
  }
}
