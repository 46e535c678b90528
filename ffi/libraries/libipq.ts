/**
 * libipq: all eleven functions. The library keeps one error for the whole process and checks no
 * buffer; src/ipq does both for every handle.
 *
 * @module
 */

import { lazyLibrary } from "../load.ts";
import type { NativeFunctions, SymbolTable } from "../types.ts";

const symbols = {
  /** `struct ipq_handle *ipq_create_handle(uint32_t flags, uint32_t protocol)` */
  ipq_create_handle: { parameters: ["u32", "u32"], result: "pointer" },
  /** `int ipq_destroy_handle(struct ipq_handle *h)` */
  ipq_destroy_handle: { parameters: ["pointer"], result: "i32" },
  /** `ssize_t ipq_read(const struct ipq_handle *h, unsigned char *buf, size_t len, int timeout)` */
  ipq_read: { parameters: ["pointer", "pointer", "usize", "i32"], result: "i32" },
  /** `int ipq_set_mode(const struct ipq_handle *h, uint8_t mode, size_t range)` */
  ipq_set_mode: { parameters: ["pointer", "u8", "usize"], result: "i32" },
  /** `ipq_packet_msg_t *ipq_get_packet(const unsigned char *buf)` */
  ipq_get_packet: { parameters: ["pointer"], result: "pointer" },
  /** `int ipq_message_type(const unsigned char *buf)` */
  ipq_message_type: { parameters: ["pointer"], result: "i32" },
  /** `int ipq_get_msgerr(const unsigned char *buf)` */
  ipq_get_msgerr: { parameters: ["pointer"], result: "i32" },
  /** `int ipq_set_verdict(const struct ipq_handle *h, ipq_id_t id, unsigned int verdict, size_t data_len, unsigned char *buf)` */
  ipq_set_verdict: { parameters: ["pointer", "usize", "u32", "usize", "buffer"], result: "i32" },
  /** `int ipq_ctl(const struct ipq_handle *h, int request, ...)` */
  ipq_ctl: { parameters: ["pointer", "i32"], result: "i32" },
  /** `char *ipq_errstr(void)` */
  ipq_errstr: { parameters: [], result: "pointer" },
  /** `void ipq_perror(const char *s)` */
  ipq_perror: { parameters: ["buffer"], result: "void" },
} as const satisfies SymbolTable;

/** struct ipq_handle: the descriptor, and the port of whom the library writes to (struct sockaddr_nl). */
export const IPQ_HANDLE = { size: 32, fd: 0, peerPort: 24 } as const;

/** The system's libipq; opened at the first call. `NFQUEUE_LIBIPQ` names another. */
export const libipq: () => NativeFunctions<typeof symbols> = lazyLibrary({
  name: "libipq",
  sonames: ["libipq.so.0", "libipq.so"],
  override: "NFQUEUE_LIBIPQ",
  packages: {
    "Arch": "pacman -S iptables",
    "Fedora": "dnf install iptables-libs (older releases)",
    "Debian, Ubuntu":
      "no package has it: use the transport nfqueue, or build it from the iptables " +
      "source with --enable-libipq",
  },
  symbols,
});
