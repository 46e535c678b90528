// What doctor knows before it judges. A check sees nothing else, so that each can be tried by itself.
import type { PortProcess } from "../../../nfqueue/process_of_port.ts";
import type { QueueStatistics } from "../../../nfqueue/queue_table.ts";
import type { QueueFlags } from "../../../nfqueue/flags.ts";
import type { NftSupport } from "../../../rules/nft/support.ts";
import type { ChainFact } from "../rules/ruleset.ts";

/** The runtime that runs doctor. */
export interface RuntimeFact {
  /** `"Deno"`, `"Bun"`. */
  readonly name: string;
  /** As the runtime tells it: `"2.9.6"`. */
  readonly version: string;
}

/** A C library. */
export interface LibraryFact {
  readonly name: string;
  /** The file that was opened. */
  readonly file?: string;
  /** Why none could be: the loader's whole message. */
  readonly problem?: string;
}

/** A program that sets rules, and was not run. */
export interface ProgramFact {
  readonly path: string;
  /** Which kind of tables it writes. */
  readonly kind: "nft" | "legacy" | "unknown";
}

/** This process. */
export interface ProcessFact {
  /** undefined where the system does not tell. */
  readonly netAdmin: boolean | undefined;
  readonly netRaw: boolean | undefined;
  /** Whether it is in a user namespace other than the first. */
  readonly userNamespace: boolean;
  /** How many files it may have open; undefined where there is no limit, or /proc does not tell. */
  readonly openFiles: number | undefined;
  /** Whether its system calls are filtered. */
  readonly seccomp: boolean;
  /** The kind of container that left its mark in the file system. */
  readonly container: string | undefined;
  /** /proc/version. */
  readonly kernel: string;
}

/** What the kernel answered to a queue being bound, on a number that nobody uses. */
export interface QueueSupport {
  /** The errno of binding; 0. */
  readonly bind: number;
  /** The errno of each switch; empty where no queue could be bound. */
  readonly flags: Readonly<Partial<Record<keyof QueueFlags, number>>>;
  /** undefined where there is no socket to netfilter. */
  readonly receiveBuffer: ReceiveBufferFact | undefined;
}

/** The receive buffer of a socket, in bytes. */
export interface ReceiveBufferFact {
  /** As PacketQueue asks for it by default. */
  readonly wanted: number;
  readonly got: number;
  /** net.core.rmem_max. */
  readonly most: number | undefined;
}

/** What the kernel's nf_tables can do for rules. */
export type NftFact = NftSupport | {
  /** Why they can do nothing: a sentence, with what to do. */
  readonly problem: string;
};

/** One bound queue, looked at twice. */
export interface QueueFact {
  readonly first: QueueStatistics;
  readonly later: QueueStatistics;
  /** Milliseconds between. */
  readonly interval: number;
  readonly owner: PortProcess | undefined;
  /** Whether the process that bound it has ended, and `owner` only inherited the socket. */
  readonly inherited: boolean;
}

/** All bound queues. */
export interface QueuesFact {
  readonly queues: readonly QueueFact[];
  /** Why the kernel's table cannot be read: the errno, or 0. */
  readonly errno: number;
  /** Whether there is a /proc at all. */
  readonly mounted: boolean;
}

/** Settings of the system that change the way of packets. */
export interface SettingsFact {
  /** Interfaces by net.ipv4.conf.*.rp_filter as it is in effect: 1 strict, 2 loose. */
  readonly reversePath: { readonly strict: readonly string[]; readonly loose: readonly string[] };
  /** Names of bridges. */
  readonly bridges: readonly string[];
  /** Whether bridged packets also pass the chains of IP: net.bridge.bridge-nf-call-iptables, …-ip6tables. */
  readonly bridgeNetfilter: { readonly ip: boolean; readonly ip6: boolean };
}

/** What was found of one of the two kinds of rules. */
export interface RulesFact {
  readonly chains: readonly ChainFact[];
  /** Why they could not be read. */
  readonly problem?: string;
}

/** Rules of a process that runs no more. */
export interface LeftoverFact {
  readonly process: number;
  /** Its chains. */
  readonly places: readonly string[];
}

/** Everything. */
export interface Facts {
  readonly runtime: RuntimeFact;
  readonly libraries: {
    readonly netfilterQueue: LibraryFact;
    readonly nftables: LibraryFact;
    readonly mnl: LibraryFact;
    readonly ipq: LibraryFact;
  };
  readonly programs: readonly ProgramFact[];
  readonly process: ProcessFact;
  readonly queueSupport: QueueSupport;
  readonly nftSupport: NftFact;
  readonly queues: QueuesFact;
  readonly rules: { readonly nft: RulesFact; readonly legacy: RulesFact };
  readonly leftovers: readonly LeftoverFact[];
  readonly settings: SettingsFact;
}
