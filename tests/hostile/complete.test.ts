// Every public entry whose signature names bytes is in one of the tables here: read off the sources,
// so that a new one fails this test until it is tried with bytes of every kind.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as libnetfilterQueue from "../../src/libnetfilter_queue/mod.ts";
import * as ipq from "../../src/ipq/mod.ts";
import * as main from "../../mod.ts";
import * as capture from "../../src/capture/mod.ts";
import * as identify from "../../src/identify/mod.ts";
import * as packets from "../../src/packet/mod.ts";
import * as netlink from "../../src/netlink/mod.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** What names bytes in a signature, and the fields of options that hold some. */
const TAKES = /\b(Uint8Array|GivenBytes|Bytes|(Ipv4|Ipv6|Tcp)Option|Ipv6Extension|Ipv6Routing)\b/;
const TAKES_TOO = /\bIpv6Authentication\b/;

/** Entries that take bytes and are not tried, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "PacketBytes.over": "takes a view beside the bytes: both are its owner's",
  "PacketBytes.copyTo": "writes into its owner's memory",
  "PacketBytes.endIn": "compares it with its owner's memory",
  "PacketBytes.rebase": "goes on in its owner's memory",
  "BufferHeader.write": "protected: setters of the headers, which are tried, call it",
  "NfqData.nfq_get_payload": "gives bytes",
};

/** Parameters of a declaration that begins at `at`, up to the matching parenthesis. */
function parametersAt(source: string, at: number): string {
  let depth = 0;
  for (let end = at; end < source.length; end++) {
    if (source[end] === "(") depth++;
    else if (source[end] === ")" && --depth === 0) return source.slice(at + 1, end);
  }
  return "";
}

/** Names of exported functions, and of methods, setters and constructors of exported classes. */
function* entriesOf(folder: string, exported: ReadonlySet<string>): Generator<string> {
  const files = readdirSync(`${root}${folder}`, { recursive: true, encoding: "utf8" });
  for (const file of files.filter((name) => name.endsWith(".ts"))) {
    const source = readFileSync(`${root}${folder}/${file}`, "utf8");
    let current = "";
    const declaration =
      /^(?:export (?:abstract )?class (\w+)|export (?:async )?function\*? (\w+)[^(\n]*(?=\()| {2}(?:(?:override|protected|static|async) )*(?:set )?(constructor|\w+)(?=\())/gm;
    for (const match of source.matchAll(declaration)) {
      const [text, className, functionName, method] = match;
      if (className !== undefined) {
        current = className;
        continue;
      }
      const parameters = parametersAt(source, match.index + text.length);
      if (!TAKES.test(parameters) && !TAKES_TOO.test(parameters)) continue;
      if (functionName !== undefined) {
        if (exported.has(functionName)) yield functionName;
      } else if (exported.has(current)) {
        yield method === "constructor" ? current : `${current}.${method}`;
      }
    }
  }
}

test("every public entry that takes bytes is tried", { timeout: 20_000 }, () => {
  const tried = readdirSync(`${root}tests/hostile`).filter((file) => file !== "complete.test.ts")
    .map((file) => readFileSync(`${root}tests/hostile/${file}`, "utf8")).join("\n");
  const folders = [
    ["src/packet", packets],
    ["src/netlink", netlink],
    ["src/capture", capture],
    ["src/identify", identify],
    ["src/ipq", ipq],
    ["src/libnetfilter_queue", libnetfilterQueue],
    ["src/queue", main],
    ["src/answer", main],
  ] as const;
  const found: string[] = [];
  const missing: string[] = [];
  for (const [folder, module] of folders) {
    for (const name of entriesOf(folder, new Set(Object.keys(module)))) {
      found.push(name);
      const [owner = "", member] = name.split(".");
      // Views are tried as the properties of the layers that they are.
      const layer = owner.replace(/View$/, "").toLowerCase();
      const written = [
        `"${name}`,
        `, ${name}"`,
        `  ${name}: (`,
        `"${layer}.${member}`,
        `setter("${layer}", "${member}"`,
        `arpSetter("${layer}", "${member}"`,
        `"PacketBuffer.${member}`,
        `["nfq_set_verdict", "nfq_set_verdict2", "nfq_set_verdict_mark"]`.includes(`"${member}"`)
          ? "NfqQueueHandle.${call}"
          : "\0",
        `["receive", "receiveAsync"]`.includes(`"${member}"`) ? "NfqHandle.${call}" : "\0",
      ];
      if (written.some((text) => tried.includes(text)) || name in LEFT_OUT) continue;
      missing.push(name);
    }
  }
  assert.deepEqual(missing, []);
  // That it finds what there is.
  for (
    const name of [
      "UdpView.payload",
      "PacketBytes",
      "ipq_read",
      "NfqHandle.receiveAsync",
      "parseLayers",
      "clientHello",
      "QuicInitial.add",
      "IpHeader.saddr",
      "Packet.replacePayload",
      "PacketSender.send",
      "TcpView.optionList",
      "Ipv6View.routing",
      "PacketBuffer.pktb_mangle",
      "NlmsgBuilder.nfq_nlmsg_parse",
      "IpqHandle.readAsync",
    ]
  ) assert.ok(found.includes(name), `${name} was not found`);
});
