// tshark takes the same bytes apart: ClientHellos in TCP and QUIC, requests, questions. One run of it
// for all of them, as it takes long to start.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as dns from "dns-packet";
import { PcapngWriter } from "../../src/capture/mod.ts";
import { clientHello, dnsQuestions, httpRequest, QuicInitial } from "../../src/identify/mod.ts";
import { buildPacket } from "../../src/packet/mod.ts";
import { fieldsOf, needsWireshark } from "../support/oracles/wireshark.ts";
import { extension, helloMessage, inRecords, sentHello } from "../support/traffic/client_hello.ts";
import { frame, initialPacket } from "../support/traffic/quic.ts";
import { RFC_9001_INITIAL } from "./rfc_vectors.ts";

const FIELDS = [
  ...["tls.handshake.extensions_server_name", "tls.handshake.extensions_alpn_str"],
  "tls.handshake.extensions.supported_version",
  ...["http.request.method", "http.request.uri", "http.request.version", "http.host"],
  ...["http.user_agent", "dns.qry.name", "dns.qry.type", "dns.qry.class"],
];
const TLS = 0;
const HTTP = 3;
const DNS = 8;

/** A payload, and what stands in the columns of {@link FIELDS}. */
interface Sample {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  readonly payload: Uint8Array;
  readonly columns: readonly string[];
}

/** Columns that begin at one of them. */
function columns(first: number, values: readonly string[]): string[] {
  return FIELDS.map((_, at) => values[at - first] ?? "");
}

const hex = (value: number) => `0x${value.toString(16).padStart(4, "0")}`;

function helloColumns(answer: ReturnType<typeof clientHello>): string[] {
  assert.ok(answer.status === "found");
  const { serverName = "", alpn, versions } = answer;
  return columns(TLS, [serverName, alpn.join(","), versions.map(hex).join(",")]);
}

function requestColumns(payload: Uint8Array): string[] {
  const answer = httpRequest(payload);
  assert.ok(answer.status === "found");
  const { method, target, version, headers } = answer;
  const { host = "", "user-agent": agent = "" } = headers;
  return columns(HTTP, [method, target, `HTTP/${version}`, host, agent]);
}

function questionColumns(payload: Uint8Array): string[] {
  const answer = dnsQuestions(payload);
  assert.ok(answer.status === "found");
  const [question] = answer.questions;
  assert.ok(question);
  return columns(DNS, [question.name, String(question.type), hex(question.class)]);
}

const { serverName, alpn, versions, padding } = extension;
const MESSAGES = [
  helloMessage({ extensions: [serverName("a.example"), alpn("h2"), versions(0x0304, 0x0303)] }),
  helloMessage({ extensions: [versions(0x0304), alpn("h3", "hq"), padding(30)] }),
  helloMessage({ extensions: [padding(400), versions(0x0304), serverName("xn--nxasmq6b.test")] }),
];
const QUIC = MESSAGES.map((message, at) =>
  initialPacket([...frame.ping(), ...frame.crypto(0, message)], {
    ...{ size: 1200, packetNumber: at, numberLength: (at + 1) as 1 | 2 | 3 },
    ...{ destination: Uint8Array.of(at, 1, 2, 3, 4, 5, 6, 7), token: new Uint8Array(9 * at) },
  })
);
const REQUESTS = [
  "GET /a?b HTTP/1.1\r\nHost: a.example\r\nUser-Agent: x\r\n\r\n",
  "POST http://b.example/ HTTP/1.0\r\nUser-Agent:  y z\r\nHost: c.example\r\n\r\nbody",
  "OPTIONS * HTTP/1.1\r\nhost: d.example:8080\r\n\r\n",
].map((text) => new Uint8Array(Buffer.from(text)));
const QUERIES = (["A", "AAAA", "MX", "TXT", "SRV"] as const).map((type, at) =>
  new Uint8Array(dns.encode({
    ...{ type: "query", id: at, flags: 0x100 },
    questions: [{ type, name: `name${at}.example`, class: "IN" }],
  }))
);

test("the same as tshark", { timeout: 120_000, ...needsWireshark }, async () => {
  const options = { servername: "real.example", ALPNProtocols: ["h2", "http/1.1"] };
  const real = await sentHello(options, (bytes) => clientHello(bytes).status === "found");
  const hellos = MESSAGES.flatMap((message) => [
    inRecords(message),
    inRecords(message, { size: 60 }),
  ]);
  const samples: readonly Sample[] = [
    ...[...hellos, real].map((payload): Sample => ({
      ...{ protocol: "tcp", port: 443, payload, columns: helloColumns(clientHello(payload)) },
    })),
    ...[...QUIC, RFC_9001_INITIAL].map((payload): Sample => ({
      ...{ protocol: "udp", port: 443, payload },
      columns: helloColumns(new QuicInitial().add(payload)),
    })),
    ...REQUESTS.map((payload): Sample => ({
      ...{ protocol: "tcp", port: 80, payload, columns: requestColumns(payload) },
    })),
    ...QUERIES.map((payload): Sample => ({
      ...{ protocol: "udp", port: 53, payload, columns: questionColumns(payload) },
    })),
  ];
  const ipv4 = { source: "192.0.2.1", destination: "192.0.2.2" };
  const writer = new PcapngWriter();
  const records = samples.map(({ protocol, port, payload }, at) => {
    const ports = { sourcePort: 40_000 + at, destinationPort: port };
    const header = protocol === "tcp" ? { tcp: { ...ports, ack: true } } : { udp: ports };
    const bytes = buildPacket({ ipv4, ...header, payload });
    return writer.packet({ bytes, timestamp: 1_700_000_000_000_000 + at });
  });
  const folder = mkdtempSync(join(tmpdir(), "nfqueue-tshark-"));
  try {
    const file = join(folder, "identify.pcapng");
    writeFileSync(file, Buffer.concat(records));
    assert.deepEqual(samples.map(({ columns }) => columns), fieldsOf(file, FIELDS));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
