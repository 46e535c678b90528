// Whether a connection came out as it should.

import type { Played } from "../../support/tcp/connection.ts";

/** What each end should get; undefined where nothing is known, and a beginning of it where it was reset. */
export interface Expected {
  readonly fromClient: Uint8Array;
  readonly fromServer: Uint8Array;
  /** The connection was reset: each end may lack the rest, and is not closed in order. */
  readonly reset?: boolean;
}

/** The first thing that is wrong; undefined if nothing is. */
export function faultOf(
  { violations, client, server }: Played,
  { fromClient, fromServer, reset = false }: Expected,
): string | undefined {
  if (violations.length > 0) return violations.join("; ");
  return differs("server", server.receiving.bytes, { wanted: fromClient, reset }) ??
    differs("client", client.receiving.bytes, { wanted: fromServer, reset });
}

function differs(
  name: string,
  got: Uint8Array,
  { wanted, reset }: { readonly wanted: Uint8Array; readonly reset: boolean },
): string | undefined {
  const most = Math.min(got.length, wanted.length);
  for (let at = 0; at < most; at++) {
    if (got[at] !== wanted[at]) {
      return `${name}: byte ${at} is ${got[at]}, and should be ${wanted[at]}`;
    }
  }
  if (got.length > wanted.length || (!reset && got.length < wanted.length)) {
    return `${name}: got ${got.length} bytes, and should get ${wanted.length}`;
  }
  return undefined;
}
