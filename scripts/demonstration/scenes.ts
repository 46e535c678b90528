/**
 * What is shown: which filter, which rules send it packets, and what each client must see.
 *
 * @module
 */

import { askTcp, askUdp, askWeb, greetTls, ping, type Target } from "./clients.ts";
import { type Family, MarkCounter } from "./firewall.ts";

/** One client, and what it must see. */
export interface Trial {
  readonly client: string;
  /** What the filter was told to do with its packets. */
  readonly told: string;
  /** What the client must see while nothing filters. */
  readonly unfiltered: string;
  /** What the client must see while the filter is at work. */
  readonly filtered: string;
  /** Lets the client try for so many milliseconds, and tells what it saw. */
  readonly observe: (patience: number) => Promise<string>;
}

/** One filter at work. */
export interface Scene {
  /** The name of its file in examples/. */
  readonly example: string;
  /** Its command line besides `--queue`. */
  readonly words?: readonly string[];
  /** The rules that send packets to its queue, up to their target. */
  readonly rules?: (family: Family) => readonly string[];
  /** It is a filter module, and these are its rules here: loopback has both ends. */
  readonly filterRules?: readonly string[];
  readonly trials: readonly Trial[];
  /** Whether the filter itself prints a line a packet. Others are traced. */
  readonly speaks?: boolean;
}

const HELLO = "hello";
const TIMES = 3;
/** What packets carry before the filter sees them: bits that belong to somebody else. */
const FOREIGN_MARK = 0xa0;

const PING = "-p icmp --icmp-type echo-request";
const PING6 = "-p icmpv6 --icmpv6-type echo-request";

/** Ports that servers must listen on. */
export const PORTS: readonly number[] = [7, 25, 26, 53, 54, 443, 9999];
/** Ports of servers that speak HTTP, and what these answer. */
export const WEB_PORT = 80;
export const WEB_TEXT = "a cat sat here";

/** The rule that every scene needs, beside those that send packets to a queue. */
export const COMMON_RULE: string =
  `-t mangle -A OUTPUT -p udp --dport 53:54 -j MARK --set-mark ${FOREIGN_MARK}`;

/** Every scene, in order. Adds the rules that count marks. */
export function scenes(families: readonly Family[]): Scene[] {
  return [
    {
      example: "log",
      rules: (family) => [...toPorts("7"), `-A OUTPUT ${family === 4 ? PING : PING6}`],
      speaks: true,
      trials: families.flatMap((family) => [
        passes({
          client: `ping ${at(family)}`,
          sees: "2 of 2 replies",
          observe: (patience) => ping(family, patience),
        }),
        echoes("UDP", { family, port: 7 }),
        echoes("TCP", { family, port: 7 }),
      ]),
    },
    {
      example: "drop_port",
      words: ["--port", "25"],
      rules: () => toPorts("25:26"),
      trials: families.flatMap((family) => [
        { ...echoes("UDP", { family, port: 25 }), told: "drop", filtered: "no answer" },
        { ...echoes("TCP", { family, port: 25 }), told: "drop", filtered: "no connection" },
        echoes("UDP", { family, port: 26 }),
        echoes("TCP", { family, port: 26 }),
      ]),
    },
    {
      example: "mark",
      rules: () => ["-t mangle -A OUTPUT -p udp --dport 53:54"],
      trials: families.flatMap((family) => [
        isMarked({ family, port: 53 }, { told: "mark 0x35", mark: 0x35 }),
        isMarked({ family, port: 54 }, { told: "mark 0x1/0xf", mark: FOREIGN_MARK | 1 }),
        isMarked({ family, port: 54 }, { told: "mark 0x2/0xf", mark: FOREIGN_MARK | 2, size: 500 }),
      ]),
    },
    {
      example: "rewrite_payload",
      rules: () => ["-A OUTPUT -p udp --dport 9999"],
      trials: families.flatMap((family) => {
        const target = { family, port: 9999 };
        return [
          {
            ...echoes("UDP", target, "a cat sat here"),
            told: "cat → horse",
            filtered: "echo: a horse sat here",
          },
          echoes("UDP", target, "a dog sat here"),
        ];
      }),
    },
    {
      example: "http_replace_words",
      filterRules: followed(WEB_PORT),
      trials: families.map((family) => {
        const target = { family, port: WEB_PORT };
        return {
          ...passes({
            client: `HTTP ${at(family)}, GET /`,
            sees: `200: ${WEB_TEXT}`,
            observe: (patience) => askWeb(target, patience),
          }),
          told: "cat → little dog",
          filtered: "200: a little dog sat here",
        };
      }),
    },
    {
      example: "block_by_name",
      filterRules: followed(443),
      trials: families.flatMap((family) => [
        { ...greets(family, "www.example.org"), told: "reset", filtered: "reset by the other end" },
        greets(family, "www.example.net"),
      ]),
    },
  ];
}

/** Rules of `TcpStreams` for a server on loopback. */
function followed(port: number): string[] {
  return [
    `output priority=-300 protocol=tcp destinationPort=${port} outDevice=lo`,
    `input protocol=tcp sourcePort=${port} inDevice=lo`,
  ];
}

/** A TLS client's first words, in two packets. */
function greets(family: Family, name: string): Trial {
  return passes({
    client: `TLS ${at(family)}, to ${name}`,
    sees: "an answer",
    observe: (patience) => greetTls({ family, port: 443 }, name, patience),
  });
}

function toPorts(ports: string): string[] {
  return ["udp", "tcp"].map((protocol) => `-A OUTPUT -p ${protocol} --dport ${ports}`);
}

/** A client that must see the same with and without the filter. */
function passes({ client, sees, observe }: {
  client: string;
  sees: string;
  observe: Trial["observe"];
}): Trial {
  return { client, told: "accept", unfiltered: sees, filtered: sees, observe };
}

function echoes(protocol: "UDP" | "TCP", target: Target, text: string = HELLO): Trial {
  const ask = protocol === "UDP" ? askUdp : askTcp;
  return passes({
    client: `${protocol} ${at(target.family)} port ${target.port}, "${text}"`,
    sees: `echo: ${text}`,
    observe: (patience) => ask(target, text, patience),
  });
}

/** Datagrams that arrive in any case; a rule behind the filter counts how many carry the mark. */
function isMarked(
  target: Target,
  { told, mark, size = HELLO.length }: { told: string; mark: number; size?: number },
): Trial {
  const counter = new MarkCounter(target.family, mark);
  const text = "x".repeat(size);
  const hexadecimal = `0x${mark.toString(16)}, before 0x${FOREIGN_MARK.toString(16)}`;
  const words = (count: number) => `${count} of ${TIMES} carry ${hexadecimal}`;
  return {
    client: `UDP ${at(target.family)} port ${target.port}, ${size} bytes`,
    told,
    unfiltered: words(0),
    filtered: words(TIMES),
    observe: async (patience) => {
      const before = counter.packets;
      for (let time = 0; time < TIMES; time++) {
        const saw = await askUdp(target, text, patience);
        if (saw !== `echo: ${text}`) return saw;
      }
      return words(counter.packets - before);
    },
  };
}

function at(family: Family): string {
  return family === 4 ? "127.0.0.1" : "::1";
}
