/**
 * libnetfilter_queue: the calls that open and configure a queue.
 *
 * @module
 */

import { lazyLibrary } from "./load.ts";
import type { NativeFunctions, SymbolTable } from "./types.ts";

const symbols = {
  /** `struct nfq_handle *nfq_open(void)` */
  nfq_open: { parameters: [], result: "pointer" },
  /** `int nfq_close(struct nfq_handle *h)` */
  nfq_close: { parameters: ["pointer"], result: "i32" },
  /** `int nfq_fd(struct nfq_handle *h)` */
  nfq_fd: { parameters: ["pointer"], result: "i32" },
  /** `struct nfq_q_handle *nfq_create_queue(struct nfq_handle *h, uint16_t num, nfq_callback *cb, void *data)` */
  nfq_create_queue: { parameters: ["pointer", "u16", "pointer", "pointer"], result: "pointer" },
  /** `int nfq_destroy_queue(struct nfq_q_handle *qh)` */
  nfq_destroy_queue: { parameters: ["pointer"], result: "i32" },
  /** `int nfq_set_queue_flags(struct nfq_q_handle *qh, uint32_t mask, uint32_t flags)` */
  nfq_set_queue_flags: { parameters: ["pointer", "u32", "u32"], result: "i32", since: "1.0.2" },
  /** `int nfq_set_queue_maxlen(struct nfq_q_handle *qh, uint32_t queuelen)` */
  nfq_set_queue_maxlen: { parameters: ["pointer", "u32"], result: "i32" },
} as const satisfies SymbolTable;

/** The system's libnetfilter_queue; opened at the first call. `NFQUEUE_LIBRARY` names another. */
export const libnetfilterQueue: () => NativeFunctions<typeof symbols> = lazyLibrary({
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
  symbols,
});
