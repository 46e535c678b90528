/**
 * libipq(3) for Deno and Bun: all of its functions, with errors for every handle of its own, on
 * kernels with ip_queue and, over NFQUEUE, on those of today.
 *
 * @module
 */

export * from "./constants.ts";
export { IPQ_ERROR, IPQ_ERROR_TEXTS, IpqError } from "./errors.ts";
export {
  ipq_create_handle,
  ipq_ctl,
  ipq_destroy_handle,
  ipq_errstr,
  ipq_get_msgerr,
  ipq_get_packet,
  ipq_message_type,
  ipq_perror,
  ipq_read,
  ipq_set_mode,
  ipq_set_verdict,
} from "./functions.ts";
export { IpqHandle, type IpqReadOptions } from "./handle.ts";
export type { IpqOptions, IpqTransportName } from "./transport.ts";
export type { IpqPacketMessage } from "../netlink/ip_queue/packet.ts";
export { WireError } from "../base/errors.ts";
export { LibraryLoadError } from "../../ffi/load.ts";
