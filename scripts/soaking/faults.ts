/** What goes wrong: one entry a fault. */
import { spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { command } from "../../tests/support/runtime/command.ts";
import type { Consumer } from "./consumer_process.ts";
import type { MannerName, Order, Way } from "./order.ts";
import type { Random } from "./random.ts";
import type { Backend, SoakRules } from "./rules.ts";

/** What a fault strikes at. */
export interface Struck {
  readonly consumer: Consumer;
  readonly random: Random;
  readonly rules: SoakRules;
  unplug(): Promise<void>;
  deleteCable(): void;
  stopFor(milliseconds: number): Promise<void>;
  kill(): Promise<void>;
  terminateWorker(): Promise<void>;
  intrude(): Promise<void>;
}

export interface Fault {
  readonly name: string;
  /** What it does, for people. */
  readonly does: string;
  /** Default: all. */
  readonly ways?: readonly Way[];
  readonly manner: MannerName;
  readonly options?: Order["options"];
  /** Bytes, packets a second (0: as many as it goes). */
  readonly size?: number;
  readonly rates?: readonly number[];
  /** A: the consumer accepts all, so that what it did can be known without it. */
  readonly kind?: "A" | "D";
  readonly backend?: Backend;
  /** A second sender, in another namespace. */
  readonly cable?: boolean;
  /** The consumer is not the one that lives through all phases. */
  readonly ownConsumer?: boolean;
  /** Strikes once, not again and again. */
  readonly once?: boolean;
  readonly strike?: (struck: Struck) => Promise<void>;
  /** What the kernel may do besides with single packets, at or behind the rule: sums.ts. */
  readonly kernel?: "queues again" | "refuses";
  /** Why it cannot be had here. */
  readonly impossible?: () => string | undefined;
}

function lacks(program: string, words: readonly string[]): string | undefined {
  const { error, status, stderr } = spawnSync(program, [...words], { encoding: "utf8" });
  if (error) return `no ${program} here`;
  return status === 0 ? undefined : stderr.trim().split("\n")[0];
}

async function loseCapability({ consumer, random }: Struck): Promise<void> {
  await consumer.ask({ ask: "netAdmin", used: false });
  await delay(random.pick([1, 20, 100]));
  await consumer.ask({ ask: "netAdmin", used: true });
}

const noLegacy = () => lacks("iptables-legacy", ["-t", "filter", "-nL", "INPUT"]);
const noNft = () => lacks("nft", ["add table ip soak_probe; delete table ip soak_probe"]);

export const FAULTS: readonly Fault[] = [
  { name: "none", does: "a flood and nothing else", manner: "plain" },
  {
    name: "queue full",
    does: "`maxLength: 50` and a slow handler",
    manner: "slow",
    options: { maxLength: 50 },
  },
  {
    name: "socket full",
    does: "`receiveBuffer: 60000`, `maxLength: 100000` and a slow handler",
    manner: "slow",
    options: { receiveBuffer: 60_000, maxLength: 100_000 },
  },
  {
    name: "slow handler",
    does: "default options; the handler spins or waits up to 50 ms",
    manner: "slow",
  },
  {
    name: "throwing handler",
    does: "every 64th packet throws, every 97th is forgotten; the queue is run again",
    manner: "throwing",
  },
  {
    name: "throwing, onHandlerError",
    does: "the same with `onHandlerError: Verdict.Drop`",
    manner: "throwing",
    options: { onHandlerError: 0 },
  },
  {
    name: "held packets",
    does: "every packet is held 40 ms and decided out of order, 20 to the end",
    manner: "holding",
  },
  {
    name: "deadline",
    does: "the same with `deadline: { milliseconds: 20, verdict: Verdict.Drop }`",
    manner: "holding",
    options: { deadline: { milliseconds: 20, verdict: 0 } },
  },
  {
    name: "SIGSTOP",
    does: "the consumer stands still for up to 200 ms, again and again",
    manner: "plain",
    strike: (struck) => struck.stopFor(struck.random.pick([5, 50, 200])),
  },
  {
    name: "kill -9",
    does: "SIGKILL and a new consumer",
    manner: "plain",
    kind: "A",
    ownConsumer: true,
    strike: (struck) => struck.kill(),
  },
  {
    name: "worker terminated",
    does: "`worker.terminate()` while its queue is at work",
    ways: ["worker"],
    manner: "plain",
    kind: "A",
    ownConsumer: true,
    once: true,
    strike: async (struck) => {
      await delay(200); // first it is to have done something
      await struck.terminateWorker();
    },
  },
  {
    name: "second owner",
    does: "another process tries to open the same queue",
    manner: "plain",
    once: true,
    strike: (struck) => struck.intrude(),
  },
  {
    name: "device down",
    does: "one of two devices whose packets are held goes down and up again",
    manner: "holding",
    kernel: "refuses",
    cable: true,
    strike: (struck) => struck.unplug(),
  },
  {
    name: "device deleted",
    does: "one of two devices whose packets are held is deleted",
    manner: "holding",
    kernel: "refuses",
    cable: true,
    once: true,
    strike: async (struck) => {
      await delay(100);
      struck.deleteCable();
    },
  },
  {
    name: "rules replaced",
    does:
      "the queue's rule replaced in one transaction, again and again (`iptables-restore --noflush`)",
    manner: "holding",
    strike: ({ rules }) => Promise.resolve(rules.replaceRules()),
  },
  {
    name: "rules replaced, legacy",
    does: "the same with iptables-legacy",
    manner: "holding",
    backend: "legacy",
    impossible: noLegacy,
    strike: ({ rules }) => Promise.resolve(rules.replaceRules()),
  },
  {
    name: "table replaced",
    does: "`iptables-save -t filter | iptables-restore`: its base chains are made anew",
    manner: "holding",
    kernel: "queues again",
    strike: ({ rules }) => Promise.resolve(rules.replaceTable()),
  },
  {
    name: "table replaced, legacy",
    does: "the same with iptables-legacy",
    manner: "holding",
    kernel: "queues again",
    backend: "legacy",
    impossible: noLegacy,
    strike: ({ rules }) => Promise.resolve(rules.replaceTable()),
  },
  {
    name: "table replaced, socket full",
    does:
      "the same, while the kernel's answers to late verdicts find no room (`receiveBuffer: 60000`)",
    manner: "holding",
    kernel: "queues again",
    options: { receiveBuffer: 60_000, maxLength: 100_000 },
    strike: ({ rules }) => Promise.resolve(rules.replaceTable()),
  },
  {
    name: "table replaced, overruns told",
    does: "the same with `reportOverruns`: a socket that was full takes nothing until it is empty",
    manner: "holding",
    kernel: "queues again",
    options: { receiveBuffer: 60_000, maxLength: 100_000, reportOverruns: true },
    strike: ({ rules }) => Promise.resolve(rules.replaceTable()),
  },
  {
    name: "another's chain deleted",
    does:
      "a base chain that has nothing to do with the queue comes and goes (`iptables -t nat -X INPUT`)",
    manner: "holding",
    kernel: "queues again",
    strike: async ({ random }) => {
      command("iptables", ["-w", "-t", "nat", "-N", "soak_unused"]);
      command("iptables", ["-w", "-t", "nat", "-A", "INPUT", "-p", "udp", "--dport", "7"]);
      await delay(random.pick([1, 10]));
      command("iptables", ["-w", "-t", "nat", "-F", "INPUT"]);
      command("iptables", ["-w", "-t", "nat", "-X", "INPUT"]);
      command("iptables", ["-w", "-t", "nat", "-X", "soak_unused"]);
    },
  },
  {
    name: "nft table replaced",
    does: "an unrelated nft table with a base chain deleted and made anew",
    manner: "holding",
    kernel: "queues again",
    impossible: noNft,
    strike: async () => {
      const table = "table ip soak_other";
      const chain = "chain c { type filter hook input priority 100; };";
      command("nft", [`add ${table}; delete ${table}; ${table} { ${chain} }`]);
      await Promise.resolve();
    },
  },
  {
    name: "capability lost",
    does: "CAP_NET_ADMIN taken from the thread for up to 100 ms",
    manner: "plain",
    strike: loseCapability,
  },
  {
    name: "capability lost, socket full",
    does: "the same with `receiveBuffer: 60000`",
    manner: "plain",
    options: { receiveBuffer: 60_000, maxLength: 100_000 },
    strike: loseCapability,
  },
  {
    name: "no descriptors",
    does: "no descriptor is free from the first packets to `close()`",
    manner: "slow",
    once: true,
    strike: ({ consumer }) => Promise.resolve(consumer.exhaustDescriptors()),
  },
  {
    name: "memory limit",
    does: "packets of 60,000 bytes held, and 192 MiB of memory to do it in (RLIMIT_DATA)",
    manner: "holding",
    size: 60_000,
    rates: [1000, 4000],
    ownConsumer: true,
    once: true,
    strike: ({ consumer }) => Promise.resolve(consumer.limitMemory(192)),
  },
  {
    name: "reconfigured",
    does: "maxLength, copyRange and a flag changed again and again",
    manner: "plain",
    strike: async ({ consumer, random }) => {
      const maxLength = random.pick([100, 1024, 10_000]);
      await consumer.ask({ ask: "reconfigure", maxLength, copyRange: random.pick([2000, 65_531]) });
    },
  },
  {
    name: "reconfigured, socket full",
    does: "the same, while the kernel's answers find no room (`receiveBuffer: 60000`)",
    manner: "slow",
    options: { receiveBuffer: 60_000, maxLength: 100_000 },
    strike: async ({ consumer, random }) => {
      const maxLength = random.pick([100, 1024, 10_000]);
      await consumer.ask({ ask: "reconfigure", maxLength, copyRange: random.pick([2000, 65_531]) });
    },
  },
];
