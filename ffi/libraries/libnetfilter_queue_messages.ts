/**
 * libnetfilter_queue: the calls that take packets from the kernel, read what came with them and give
 * verdicts, through handles or through messages of one's own.
 *
 * @module
 */

import { libnetfilterQueueFile } from "./libnetfilter_queue.ts";
import { lazyLibrary } from "../load.ts";
import type { NativeFunctions, NativeSignature, SymbolTable } from "../types.ts";

/** `typedef int nfq_callback(struct nfq_q_handle *gh, struct nfgenmsg *nfmsg, struct nfq_data *nfad, void *data)` */
export const nfqCallback = {
  parameters: ["pointer", "pointer", "pointer", "pointer"],
  result: "i32",
} as const satisfies NativeSignature;

/** libnetfilter_queue.h: packets, verdicts and messages. */
export const messageSymbols = {
  /** `int nfq_handle_packet(struct nfq_handle *h, char *buf, int len)` */
  nfq_handle_packet: { parameters: ["pointer", "pointer", "i32"], result: "i32" },

  /** `int nfq_set_verdict(struct nfq_q_handle *qh, uint32_t id, uint32_t verdict, uint32_t data_len, const unsigned char *buf)` */
  nfq_set_verdict: { parameters: ["pointer", "u32", "u32", "u32", "buffer"], result: "i32" },
  /** `int nfq_set_verdict2(struct nfq_q_handle *qh, uint32_t id, uint32_t verdict, uint32_t mark, uint32_t datalen, const unsigned char *buf)` */
  nfq_set_verdict2: {
    parameters: ["pointer", "u32", "u32", "u32", "u32", "buffer"],
    result: "i32",
  },
  /** `int nfq_set_verdict_mark(struct nfq_q_handle *qh, uint32_t id, uint32_t verdict, uint32_t mark, uint32_t datalen, const unsigned char *buf)` */
  nfq_set_verdict_mark: {
    parameters: ["pointer", "u32", "u32", "u32", "u32", "buffer"],
    result: "i32",
  },
  /** `int nfq_set_verdict_batch(struct nfq_q_handle *qh, uint32_t id, uint32_t verdict)` */
  nfq_set_verdict_batch: { parameters: ["pointer", "u32", "u32"], result: "i32", since: "1.0.1" },
  /** `int nfq_set_verdict_batch2(struct nfq_q_handle *qh, uint32_t id, uint32_t verdict, uint32_t mark)` */
  nfq_set_verdict_batch2: {
    parameters: ["pointer", "u32", "u32", "u32"],
    result: "i32",
    since: "1.0.1",
  },

  /** `struct nfqnl_msg_packet_hdr *nfq_get_msg_packet_hdr(struct nfq_data *nfad)` */
  nfq_get_msg_packet_hdr: { parameters: ["pointer"], result: "pointer" },
  /** `uint32_t nfq_get_nfmark(struct nfq_data *nfad)` */
  nfq_get_nfmark: { parameters: ["pointer"], result: "u32" },
  /** `int nfq_get_timestamp(struct nfq_data *nfad, struct timeval *tv)` */
  nfq_get_timestamp: { parameters: ["pointer", "buffer"], result: "i32" },
  /** `uint32_t nfq_get_indev(struct nfq_data *nfad)` */
  nfq_get_indev: { parameters: ["pointer"], result: "u32" },
  /** `uint32_t nfq_get_physindev(struct nfq_data *nfad)` */
  nfq_get_physindev: { parameters: ["pointer"], result: "u32" },
  /** `uint32_t nfq_get_outdev(struct nfq_data *nfad)` */
  nfq_get_outdev: { parameters: ["pointer"], result: "u32" },
  /** `uint32_t nfq_get_physoutdev(struct nfq_data *nfad)` */
  nfq_get_physoutdev: { parameters: ["pointer"], result: "u32" },
  /** `int nfq_get_indev_name(struct nlif_handle *nlif_handle, struct nfq_data *nfad, char *name)` */
  nfq_get_indev_name: { parameters: ["pointer", "pointer", "buffer"], result: "i32" },
  /** `int nfq_get_physindev_name(struct nlif_handle *nlif_handle, struct nfq_data *nfad, char *name)` */
  nfq_get_physindev_name: { parameters: ["pointer", "pointer", "buffer"], result: "i32" },
  /** `int nfq_get_outdev_name(struct nlif_handle *nlif_handle, struct nfq_data *nfad, char *name)` */
  nfq_get_outdev_name: { parameters: ["pointer", "pointer", "buffer"], result: "i32" },
  /** `int nfq_get_physoutdev_name(struct nlif_handle *nlif_handle, struct nfq_data *nfad, char *name)` */
  nfq_get_physoutdev_name: { parameters: ["pointer", "pointer", "buffer"], result: "i32" },
  /** `struct nfqnl_msg_packet_hw *nfq_get_packet_hw(struct nfq_data *nfad)` */
  nfq_get_packet_hw: { parameters: ["pointer"], result: "pointer" },
  /** `uint32_t nfq_get_skbinfo(struct nfq_data *nfad)` */
  nfq_get_skbinfo: { parameters: ["pointer"], result: "u32", since: "1.0.4" },
  /** `int nfq_get_uid(struct nfq_data *nfad, uint32_t *uid)` */
  nfq_get_uid: { parameters: ["pointer", "buffer"], result: "i32", since: "1.0.3" },
  /** `int nfq_get_gid(struct nfq_data *nfad, uint32_t *gid)` */
  nfq_get_gid: { parameters: ["pointer", "buffer"], result: "i32", since: "1.0.3" },
  /** `int nfq_get_secctx(struct nfq_data *nfad, unsigned char **secdata)` */
  nfq_get_secctx: { parameters: ["pointer", "buffer"], result: "i32", since: "1.0.3" },
  /** `int nfq_get_payload(struct nfq_data *nfad, unsigned char **data)` */
  nfq_get_payload: { parameters: ["pointer", "buffer"], result: "i32" },
  /** `int nfq_snprintf_xml(char *buf, size_t len, struct nfq_data *tb, int flags)` */
  nfq_snprintf_xml: { parameters: ["buffer", "usize", "pointer", "i32"], result: "i32" },

  /** `void nfq_nlmsg_cfg_put_cmd(struct nlmsghdr *nlh, uint16_t pf, uint8_t cmd)` */
  nfq_nlmsg_cfg_put_cmd: { parameters: ["buffer", "u16", "u8"], result: "void", since: "1.0.2" },
  /** `void nfq_nlmsg_cfg_put_params(struct nlmsghdr *nlh, uint8_t mode, int range)` */
  nfq_nlmsg_cfg_put_params: {
    parameters: ["buffer", "u8", "i32"],
    result: "void",
    since: "1.0.2",
  },
  /** `void nfq_nlmsg_cfg_put_qmaxlen(struct nlmsghdr *nlh, uint32_t qmaxlen)` */
  nfq_nlmsg_cfg_put_qmaxlen: { parameters: ["buffer", "u32"], result: "void", since: "1.0.2" },
  /** `void nfq_nlmsg_verdict_put(struct nlmsghdr *nlh, int id, int verdict)` */
  nfq_nlmsg_verdict_put: { parameters: ["buffer", "i32", "i32"], result: "void", since: "1.0.2" },
  /** `void nfq_nlmsg_verdict_put_mark(struct nlmsghdr *nlh, uint32_t mark)` */
  nfq_nlmsg_verdict_put_mark: { parameters: ["buffer", "u32"], result: "void", since: "1.0.2" },
  /** `void nfq_nlmsg_verdict_put_pkt(struct nlmsghdr *nlh, const void *pkt, uint32_t pktlen)` */
  nfq_nlmsg_verdict_put_pkt: {
    parameters: ["buffer", "buffer", "u32"],
    result: "void",
    since: "1.0.2",
  },
  /** `int nfq_nlmsg_parse(const struct nlmsghdr *nlh, struct nlattr **attr)` */
  nfq_nlmsg_parse: { parameters: ["buffer", "buffer"], result: "i32", since: "1.0.2" },
  /** `struct nlmsghdr *nfq_nlmsg_put(char *buf, int type, uint32_t queue_num)` */
  nfq_nlmsg_put: { parameters: ["buffer", "i32", "u32"], result: "pointer", since: "1.0.4" },
} as const satisfies SymbolTable;

/** The calls for packets, verdicts and messages; opened at the first call. */
export const libnetfilterQueueMessages: () => NativeFunctions<typeof messageSymbols> = lazyLibrary({
  ...libnetfilterQueueFile,
  symbols: messageSymbols,
});
