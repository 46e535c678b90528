/**
 * The choice of a handle's way to the kernel's queue.
 *
 * @module
 */

import { LibraryLoadError } from "../../ffi/load.ts";
import { IpqError } from "./errors.ts";
import { isAbsent } from "./libipq_failures.ts";
import { LibipqTransport } from "./libipq_transport.ts";
import { NfqueueTransport } from "./nfqueue_transport.ts";
import type { IpqSettings, Transport } from "./transport.ts";

/**
 * Opens a handle's transport.
 *
 * @throws {IpqError} {@link LibraryLoadError}
 */
export function openTransport(
  protocol: number,
  options: IpqSettings,
): Transport {
  const { transport } = options;
  if (transport === "nfqueue") return new NfqueueTransport(protocol, options);
  try {
    return new LibipqTransport(protocol);
  } catch (error) {
    if (transport === "libipq" || !isAbsence(error)) throw error;
    return new NfqueueTransport(protocol, options);
  }
}

/** No library, or no ip_queue in the kernel; anything else is an answer of the real one. */
function isAbsence(error: unknown): boolean {
  if (error instanceof LibraryLoadError) return true;
  return error instanceof IpqError && isAbsent(error.errno);
}
