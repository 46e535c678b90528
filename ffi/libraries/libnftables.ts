/**
 * libnftables: what the program nft is made of. One context is one nft, with a socket of its own.
 *
 * @module
 */

import { lazyLibrary } from "../load.ts";
import type { NativeFunctions, SymbolTable } from "../types.ts";

/** libnftables(3); version 0.9.0 (2018) has them all. */
const symbols = {
  /** `struct nft_ctx *nft_ctx_new(uint32_t flags)`: calls exit(3) where it cannot open its socket */
  nft_ctx_new: { parameters: ["u32"], result: "pointer" },
  /** `void nft_ctx_free(struct nft_ctx *ctx)` */
  nft_ctx_free: { parameters: ["pointer"], result: "void" },
  /** `int nft_ctx_buffer_output(struct nft_ctx *ctx)` */
  nft_ctx_buffer_output: { parameters: ["pointer"], result: "i32" },
  /** `int nft_ctx_buffer_error(struct nft_ctx *ctx)` */
  nft_ctx_buffer_error: { parameters: ["pointer"], result: "i32" },
  /** `const char *nft_ctx_get_error_buffer(struct nft_ctx *ctx)` */
  nft_ctx_get_error_buffer: { parameters: ["pointer"], result: "pointer" },
  /** `int nft_run_cmd_from_buffer(struct nft_ctx *nft, const char *buf)` */
  nft_run_cmd_from_buffer: { parameters: ["pointer", "buffer"], result: "i32" },
} as const satisfies SymbolTable;

/** The system's libnftables; opened at the first call. `NFQUEUE_LIBNFTABLES` names another. */
export const libnftables: () => NativeFunctions<typeof symbols> = lazyLibrary({
  name: "libnftables",
  sonames: ["libnftables.so.1", "libnftables.so"],
  override: "NFQUEUE_LIBNFTABLES",
  packages: {
    "Debian, Ubuntu": "apt-get install libnftables1",
    "Fedora": "dnf install nftables",
    "Arch": "pacman -S nftables",
    "Alpine": "apk add nftables",
    "openSUSE": "zypper install libnftables1",
  },
  symbols,
});
