/**
 * libnetfilter_queue: the calls that open and configure queues. What reads packets and decides is in
 * libnetfilter_queue_messages.ts, what edits them in libnetfilter_queue_packets.ts.
 *
 * Versions are those of the library's own releases; every symbol without one is in 1.0.0. (Debian's
 * symbols file names later ones where Debian left out a release: it had neither 1.0.1 nor 1.0.4.)
 *
 * @module
 */

import { lazyLibrary, lazyVariable } from "../load.ts";
import type { NativeFunctions, SymbolTable } from "../types.ts";

/** Where the library is found, for all of its tables. `NFQUEUE_LIBRARY` names another file. */
export const libnetfilterQueueFile = {
  name: "libnetfilter_queue",
  sonames: ["libnetfilter_queue.so.1", "libnetfilter_queue.so"],
  override: "NFQUEUE_LIBRARY",
  packages: {
    "Debian, Ubuntu": "apt-get install libnetfilter-queue1",
    "Fedora": "dnf install libnetfilter_queue",
    "Arch": "pacman -S libnetfilter_queue",
    "Alpine": "apk add libnetfilter_queue",
    "openSUSE": "zypper install libnetfilter_queue1",
  },
} as const;

/** libnetfilter_queue.h: handles and queues. */
export const queueSymbols = {
  /** `struct nfq_handle *nfq_open(void)` */
  nfq_open: { parameters: [], result: "pointer" },
  /** `struct nfq_handle *nfq_open_nfnl(struct nfnl_handle *nfnlh)` */
  nfq_open_nfnl: { parameters: ["pointer"], result: "pointer" },
  /** `int nfq_close(struct nfq_handle *h)` */
  nfq_close: { parameters: ["pointer"], result: "i32" },
  /** `struct nfnl_handle *nfq_nfnlh(struct nfq_handle *h)` */
  nfq_nfnlh: { parameters: ["pointer"], result: "pointer" },
  /** `int nfq_fd(struct nfq_handle *h)` */
  nfq_fd: { parameters: ["pointer"], result: "i32" },
  /** `int nfq_bind_pf(struct nfq_handle *h, uint16_t pf)` */
  nfq_bind_pf: { parameters: ["pointer", "u16"], result: "i32" },
  /** `int nfq_unbind_pf(struct nfq_handle *h, uint16_t pf)` */
  nfq_unbind_pf: { parameters: ["pointer", "u16"], result: "i32" },
  /** `struct nfq_q_handle *nfq_create_queue(struct nfq_handle *h, uint16_t num, nfq_callback *cb, void *data)` */
  nfq_create_queue: { parameters: ["pointer", "u16", "pointer", "pointer"], result: "pointer" },
  /** `int nfq_destroy_queue(struct nfq_q_handle *qh)` */
  nfq_destroy_queue: { parameters: ["pointer"], result: "i32" },
  /** `int nfq_set_mode(struct nfq_q_handle *qh, uint8_t mode, unsigned int len)` */
  nfq_set_mode: { parameters: ["pointer", "u8", "u32"], result: "i32" },
  /** `int nfq_set_queue_flags(struct nfq_q_handle *qh, uint32_t mask, uint32_t flags)` */
  nfq_set_queue_flags: { parameters: ["pointer", "u32", "u32"], result: "i32", since: "1.0.2" },
  /** `int nfq_set_queue_maxlen(struct nfq_q_handle *qh, uint32_t queuelen)` */
  nfq_set_queue_maxlen: { parameters: ["pointer", "u32"], result: "i32" },
} as const satisfies SymbolTable;

/** The calls that open and configure queues; opened at the first call. */
export const libnetfilterQueue: () => NativeFunctions<typeof queueSymbols> = lazyLibrary({
  ...libnetfilterQueueFile,
  symbols: queueSymbols,
});

/**
 * Reads the variable, which only a failed `nfq_create_queue` or `nfq_open_nfnl` sets. The errors that
 * the methods throw tell more.
 *
 * @returns what the last failure left there, a negative number; 0 before
 * @remarks A function here: a constant could not follow the variable.
 */
export const nfqErrno: () => number = lazyVariable(libnetfilterQueueFile, {
  name: "nfq_errno",
  since: "1.0.0",
});
