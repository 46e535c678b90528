/**
 * libnfnetlink: what users of libnetfilter_queue need of the library underneath it.
 *
 * @module
 */

import { lazyLibrary } from "../load.ts";
import type { NativeFunctions, SymbolTable } from "../types.ts";

/** libnfnetlink.h; 1.0.0 (2009) has them all. */
export const netlinkSymbols = {
  /** `struct nfnl_handle *nfnl_open(void)` */
  nfnl_open: { parameters: [], result: "pointer" },
  /** `int nfnl_close(struct nfnl_handle *)` */
  nfnl_close: { parameters: ["pointer"], result: "i32" },
  /** `int nfnl_fd(struct nfnl_handle *h)` */
  nfnl_fd: { parameters: ["pointer"], result: "i32" },
  /** `unsigned int nfnl_rcvbufsiz(const struct nfnl_handle *h, unsigned int size)` */
  nfnl_rcvbufsiz: { parameters: ["pointer", "u32"], result: "u32" },
  /** `void nfnl_set_rcv_buffer_size(struct nfnl_handle *h, unsigned int size)` */
  nfnl_set_rcv_buffer_size: { parameters: ["pointer", "u32"], result: "void" },
  /** `struct nlif_handle *nlif_open(void)` */
  nlif_open: { parameters: [], result: "pointer" },
  /** `void nlif_close(struct nlif_handle *orig)` */
  nlif_close: { parameters: ["pointer"], result: "void" },
  /** `int nlif_query(struct nlif_handle *nlif_handle)` */
  nlif_query: { parameters: ["pointer"], result: "i32" },
  /** `int nlif_index2name(struct nlif_handle *nlif_handle, unsigned int if_index, char *name)` */
  nlif_index2name: { parameters: ["pointer", "u32", "buffer"], result: "i32" },
} as const satisfies SymbolTable;

/** The system's libnfnetlink, which comes with libnetfilter_queue; opened at the first call. */
export const libnfnetlink: () => NativeFunctions<typeof netlinkSymbols> = lazyLibrary({
  name: "libnfnetlink",
  sonames: ["libnfnetlink.so.0", "libnfnetlink.so"],
  packages: {
    "Debian, Ubuntu": "apt-get install libnfnetlink0",
    "Fedora": "dnf install libnfnetlink",
    "Arch": "pacman -S libnfnetlink",
    "Alpine": "apk add libnfnetlink",
    "openSUSE": "zypper install libnfnetlink0",
  },
  symbols: netlinkSymbols,
});
