/**
 * What a connection is, told from its first bytes: TLS, QUIC, HTTP and DNS, in plain TypeScript. Each
 * answers that it found what it looks for, that it needs more bytes, or that these are something else,
 * and throws for no bytes whatever.
 *
 * It runs anywhere. Only {@link QuicInitial} needs node:crypto, at the first packet of QUIC.
 *
 * @module
 */
export type { ClientHello } from "./client_hello.ts";
export {
  type DnsQuestion,
  type DnsQuestions,
  dnsQuestions,
  type DnsQuestionsOptions,
} from "./dns_questions.ts";
export { firstBytes, type FirstBytesCallbacks, type FirstBytesStream } from "./first_bytes.ts";
export { type HttpRequest, httpRequest } from "./http_request.ts";
export { QuicInitial } from "./quic/quic_initial.ts";
export type { Identified, NotFound } from "./result.ts";
export { clientHello } from "./tls.ts";
