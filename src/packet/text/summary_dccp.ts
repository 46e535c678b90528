// A DCCP packet (RFC 4340 §5) in the words of tcpdump.
import { viewOf } from "../../base/bytes.ts";

const TYPES = [
  ...["Request", "Response", "Data", "Ack", "DataAck", "CloseReq", "Close", "Reset"],
  ...["Sync", "SyncAck"],
].map((name) => `DCCP-${name}`);
const REQUEST = 0;
const RESPONSE = 1;
const DATA = 2;
const RESET = 7;

const RESET_CODES = [
  ...["unspecified", "closed", "aborted", "no_connection", "packet_error", "option_error"],
  ...["mandatory_error", "connection_refused", "bad_service_code", "too_busy", "bad_init_cookie"],
  "aggression_penalty",
];

/** `DCCP DCCP-Request (service=5)`, of what was captured. */
export function describeDccp(bytes: Uint8Array): string {
  const view = viewOf(bytes);
  const kind = bytes[8];
  if (kind === undefined) return "DCCP [|dccp]";
  // Sequence numbers of 48 bits, else of 24.
  const extended = (kind & 1) !== 0;
  const type = (kind >> 1) & 15;
  const header = extended ? 16 : 12;
  const text = `DCCP ${TYPES[type] ?? `unknown-type-${type}`}`;
  const hasAck = type !== REQUEST && type !== DATA;
  const rest = header + (hasAck ? (extended ? 8 : 4) : 0);
  const need = rest + (type === REQUEST || type === RESPONSE || type === RESET ? 4 : 0);
  if (bytes.length < need) return `${text} [|dccp]`;
  const words: string[] = [];
  if (type === REQUEST || type === RESPONSE) words.push(` (service=${view.getUint32(rest)})`);
  if (type === RESET) words.push(` (code=${RESET_CODES[bytes[rest]!] ?? "invalid"})`);
  if (hasAck) {
    const ack = extended
      ? view.getUint16(header + 2) * 0x100000000 + view.getUint32(header + 4)
      : view.getUint32(header) & 0xffffff;
    words.push(` (ack=${ack})`);
  }
  return text + words.join("");
}
