// The rules of this network namespace, from the kernel itself. Nothing is changed by reading them.
import { libc } from "../../../../ffi/libraries/libc.ts";
import { WireError } from "../../../base/errors.ts";
import { ERRNO, SystemError } from "../../../linux/errno.ts";
import { readSystemFile } from "../../../linux/files.ts";
import { NetfilterSocket } from "../../../rules/nft/netfilter_socket.ts";
import { ENTRIES, INFO, legacyChains, type LegacyTable } from "../rules/legacy_tables.ts";
import { chainsOf, LIST, listRequest, messageBytes } from "../rules/nft_messages.ts";
import type { ChainFact } from "../rules/ruleset.ts";
import type { RulesFact } from "../terms/facts.ts";

const SOCK_DGRAM = 2 | 0o2000000;
/** IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES: the same numbers for IPv6. */
const GET = { info: 64, entries: 65 } as const;
/** Only tables that are there: asking for another would make it. */
const TABLES = [
  { layout: "ip", names: "/proc/net/ip_tables_names", domain: 2, level: 0 },
  { layout: "ip6", names: "/proc/net/ip6_tables_names", domain: 10, level: 41 },
] as const;

/** Chains and rules of nf_tables, those of iptables-nft included. */
export function nftRules(): RulesFact {
  try {
    using socket = new NetfilterSocket();
    const list = (type: number) => socket.list(listRequest(type), messageBytes);
    return { chains: chainsOf(list(LIST.chains), list(LIST.rules)) };
  } catch (error) {
    if (error instanceof SystemError) return { chains: [], problem: error.code };
    // A kernel that writes them otherwise is no reason to say nothing of all else.
    if (error instanceof WireError) return { chains: [], problem: error.message };
    throw error;
  }
}

/** Chains and rules of iptables-legacy, which nft does not show. */
export function legacyRules(): RulesFact {
  const chains: ChainFact[] = [];
  let problem: string | undefined;
  for (const kind of TABLES) {
    const { text, errno } = readSystemFile(kind.names);
    // Without the file there are no such tables.
    if (text === undefined && errno !== ERRNO.ENOENT) problem = `${kind.names} may not be read`;
    for (const name of text?.split("\n").filter((line) => line !== "") ?? []) {
      const table = readTable(kind, name);
      if (table === undefined) problem = `the table ${name} may not be read`;
      else chains.push(...legacyChains(table));
    }
  }
  return problem === undefined ? { chains } : { chains, problem };
}

function readTable(
  { layout, domain, level }: (typeof TABLES)[number],
  name: string,
): LegacyTable | undefined {
  const { socket, getsockopt, close } = libc();
  const descriptor = socket(domain, SOCK_DGRAM, 0);
  if (descriptor < 0) return undefined;
  const ask = (option: number, size: number): Uint8Array | undefined => {
    const bytes = new Uint8Array(new ArrayBuffer(size));
    new TextEncoder().encodeInto(name, bytes);
    if (option === GET.entries) {
      new DataView(bytes.buffer).setUint32(ENTRIES.size, size - ENTRIES.begin, true);
    }
    const length = new Uint8Array(new Uint32Array([size]).buffer);
    return getsockopt(descriptor, level, option, bytes, length) < 0 ? undefined : bytes;
  };
  try {
    const info = ask(GET.info, INFO.length);
    if (info === undefined) return undefined;
    const size = new DataView(info.buffer).getUint32(INFO.size, true);
    const entries = ask(GET.entries, ENTRIES.begin + size)?.subarray(ENTRIES.begin);
    return entries && { layout, name, info, entries };
  } finally {
    close(descriptor);
  }
}
