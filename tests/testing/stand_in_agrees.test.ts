// The stand-in kernel against the system's: the same script, played against a queue of each, gives the
// same packets, answers, counters and deliveries.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { KernelQueueOptions } from "../../src/nfqueue/kernel_queue.ts";
import { SYSTEM_KERNEL } from "../../src/nfqueue/system_kernel.ts";
import { NF_VERDICT } from "../../src/netlink/queue/numbers.ts";
import { encodeVerdict, encodeVerdictBatch } from "../../src/netlink/queue/verdict.ts";
import { StandInKernel } from "../../src/testing/kernel.ts";
import { useNetAdmin } from "../../scripts/soaking/capability.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Cable, Namespace } from "../support/network/namespaces.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { udpPacket, udpText, withUdpText } from "../support/traffic/packets.ts";
import { QueueOwner, type Received, tagged } from "../support/queue/queue_owner.ts";
import { queueRule, Rule, udpTo } from "../support/network/rules.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const { ACCEPT, DROP, QUEUE, STOLEN } = NF_VERDICT;
const OUTPUT = 3;
const NEAR = 1;
const FAR = 2;
const MARK = 0x77;
const LAST = "the last one";

type Options = Partial<Omit<KernelQueueOptions, "number">> & { readonly copyRange?: number };

/** A place to play a script in. */
interface Stage extends AsyncDisposable {
  readonly owner: QueueOwner;
  /** A queue that nobody has bound. */
  readonly nobodys: number;
  /** Has a packet queued that leaves by a device; the far one can be taken down. */
  send(text: string, device?: number): Promise<void>;
  takeDown(): void;
  setCapable(capable: boolean): void;
  /** Texts of what was delivered, in order, and how many packets had the mark; ends the queue. */
  finish(): Promise<{ readonly texts: readonly string[]; readonly marked: number }>;
}

function standIn(options: Options): Promise<Stage> {
  const kernel = new StandInKernel();
  const number = 7;
  const owner = new QueueOwner(kernel, { ...options, number });
  return Promise.resolve({
    ...{ owner, nobodys: 8 },
    send: (text, device = NEAR) => {
      kernel.send(number, { payload: udpPacket(text), hook: OUTPUT, outDeviceIndex: device });
      return Promise.resolve();
    },
    takeDown: () => kernel.takeDown(FAR),
    setCapable: (capable) => kernel.capable = capable,
    finish: () => {
      owner.queue.close();
      const accepted = kernel.outcomes.filter(({ passage, verdict }) =>
        verdict === ACCEPT && passage.packet.outDeviceIndex === NEAR
      );
      return Promise.resolve({
        texts: accepted.map(({ payload }) => udpText(payload)),
        marked: accepted.filter(({ mark }) => mark === MARK).length,
      });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(owner[Symbol.dispose]()),
  });
}

async function system(options: Options): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const receiver = stack.use(await UdpSocket.open());
  const sender = stack.use(await UdpSocket.open({ address: "0.0.0.0" }));
  const owner = stack.use(new QueueOwner(SYSTEM_KERNEL, { ...options, number: nextQueue() }));
  const rule = stack.use(
    queueRule(owner.number, { chain: "OUTPUT", match: udpTo(receiver.port) }),
  );
  const counter = stack.use(
    new Rule({
      ...{ table: "mangle", chain: "POSTROUTING" },
      match: [...udpTo(receiver.port), "-m", "mark", "--mark", String(MARK)],
    }),
  );
  let cable: Cable | undefined;
  const whole = stack.move();
  const far = (): Cable => cable ??= whole.use(new Cable(whole.use(new Namespace())));
  return {
    ...{ owner, nobodys: owner.number + 1000 },
    send: (text, device = NEAR) => {
      const address = device === NEAR ? receiver.address : far().farAddress;
      return sender.send(text, { address, port: receiver.port });
    },
    takeDown: () => far().down(),
    setCapable: useNetAdmin,
    finish: async () => {
      owner.queue.close();
      rule[Symbol.dispose]();
      await sender.send(LAST, receiver);
      const texts: string[] = [];
      for (let text = ""; text !== LAST; texts.push(text)) text = (await receiver.receive()).text;
      return { texts: texts.slice(0, -1), marked: counter.packets };
    },
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

/** What both kernels must tell alike. */
function briefly(received: readonly Received[]): unknown[] {
  return received.map((one) => {
    if (!("packet" in one)) return one;
    const { family, id, hwProtocol, hook, mark, captureLength, payload } = one.packet;
    return {
      ...{ family, id, hwProtocol, hook, mark, captureLength, bytes: payload?.length },
      text: payload && captureLength === undefined ? udpText(payload) : undefined,
    };
  });
}

function numbers({ queue }: QueueOwner): unknown {
  const { statistics, errno } = queue.numbers();
  const { queue: _queue, portId: _portId, ...counters } = statistics!;
  return { ...counters, errno, drops: queue.drops() };
}

type Script = (stage: Stage, log: unknown[]) => Promise<void>;

/** What the script noted of a kernel, and how it ended there. */
async function play(
  open: (options: Options) => Promise<Stage>,
  options: Options,
  script: Script,
): Promise<{ readonly log: unknown[]; readonly end: unknown }> {
  await using stage = await open(options);
  const log: unknown[] = [];
  await script(stage, log);
  const counters = numbers(stage.owner);
  return { log, end: { counters, ...await stage.finish() } };
}

async function agree(options: Options, script: Script): Promise<void> {
  const expected = await play(system, options, script);
  assert.deepEqual(await play(standIn, options, script), expected);
}

/** The same where the end depends on how much memory the kernel takes for a packet. */
async function agreeUntilTheEnd(options: Options, script: Script): Promise<void> {
  const expected = await play(system, options, script);
  assert.deepEqual((await play(standIn, options, script)).log, expected.log);
}

async function sendAll(stage: Stage, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await stage.send(`packet ${index}`);
}

const limit = { timeout: 60_000 };

test(
  "stand-in kernel agrees with the system's: verdicts and their answers",
  limit,
  () =>
    agree({}, async (stage, log) => {
      const { owner, nobodys } = stage;
      const { number: queue } = owner;
      await sendAll(stage, 9);
      const received = owner.read();
      log.push(briefly(received));
      const [, second] = received;
      assert.ok(second !== undefined && "packet" in second);
      owner.send(
        tagged(encodeVerdict({ queue, id: 99, verdict: ACCEPT, sequence: 99 }), 1),
        tagged(encodeVerdict({ queue, id: 3, verdict: ACCEPT, sequence: 3, mark: MARK }), 2),
        tagged(encodeVerdict({ queue, id: 3, verdict: ACCEPT, sequence: 3 }), 3),
        tagged(encodeVerdict({ queue, id: 1, verdict: STOLEN }), 4),
        tagged(encodeVerdict({ queue, id: 1, verdict: 6 }), 5),
        tagged(encodeVerdict({ queue: nobodys, id: 1, verdict: ACCEPT }), 6),
        encodeVerdict({
          ...{ queue, id: 2, verdict: ACCEPT },
          payload: withUdpText(second.packet.payload!, "longer than before"),
        }),
        encodeVerdict({ queue, id: 5, verdict: DROP }),
        tagged(encodeVerdictBatch({ queue, id: 6, verdict: ACCEPT, sequence: 6, mark: MARK }), 7),
        tagged(encodeVerdictBatch({ queue, id: 6, verdict: ACCEPT, sequence: 6 }), 8),
        tagged(encodeVerdictBatch({ queue, id: 7, verdict: STOLEN, sequence: 7 }), 9),
      );
      log.push(briefly(owner.read()));
      owner.send(
        encodeVerdict({ queue, id: 7, verdict: (nobodys << 16 | QUEUE) >>> 0 }),
        encodeVerdict({ queue, id: 8, verdict: (nobodys << 16 | 0x8000 | QUEUE) >>> 0 }),
      );
      log.push(briefly(owner.read()));
    }),
);

for (const failOpen of [false, true]) {
  test(
    `stand-in kernel agrees with the system's: a full queue, failOpen: ${failOpen}`,
    limit,
    () =>
      agree({ maxLength: 3, flags: { failOpen } }, async (stage, log) => {
        const { owner } = stage;
        await sendAll(stage, 5);
        log.push(briefly(owner.read()), numbers(owner));
        owner.send(encodeVerdictBatch({ queue: owner.number, id: 2, verdict: ACCEPT }));
        await sendAll(stage, 3);
        log.push(briefly(owner.read()));
        log.push(owner.configure({ maxLength: 100, flags: 0, mask: 1 }));
        await sendAll(stage, 3);
        log.push(briefly(owner.read()));
        log.push(owner.configure({ flags: 0x40, mask: 0x40 }));
        log.push(owner.configure({ command: "bind" }));
      }),
  );
}

for (const failOpen of [false, true]) {
  for (const reportOverruns of [false, true]) {
    const name = `a full socket, failOpen: ${failOpen}, reportOverruns: ${reportOverruns}`;
    test(`stand-in kernel agrees with the system's: ${name}`, limit, () =>
      // How many find room is the kernel's own book-keeping of memory: only what follows from it.
      agreeUntilTheEnd(
        { receiveBuffer: 4096, reportOverruns, flags: { failOpen } },
        async (stage, log) => {
          const { owner } = stage;
          const { number: queue } = owner;
          await sendAll(stage, 60);
          const { length, queueDropped, userDropped, idSequence } = owner.queue.numbers()
            .statistics!;
          const drops = owner.queue.drops();
          log.push(length > 0 && length < 60, drops + length, queueDropped, idSequence);
          log.push(userDropped === (failOpen ? 0 : drops));
          const received = owner.read();
          log.push("errno" in received[0]! ? received[0].errno : 0);
          log.push(received.length - length);
          log.push(briefly(received.slice(1, 3)));
          await stage.send("after the overrun");
          log.push(briefly(owner.read()));
          owner.send(encodeVerdictBatch({ queue, id: 0x7fffffff, verdict: DROP }));
          log.push(owner.queue.numbers().statistics?.length);
        },
      ));
  }
}

for (const copyRange of [1, 28, 30, 65531]) {
  test(
    `stand-in kernel agrees with the system's: a copy range of ${copyRange}`,
    limit,
    () =>
      agree({ copyRange }, async (stage, log) => {
        const { owner } = stage;
        await stage.send("twelve bytes");
        await stage.send("");
        log.push(briefly(owner.read()));
        for (const copyMode of ["meta", "none", "packet"] as const) {
          log.push(owner.configure({ copyMode, copyRange }));
          await stage.send(`in mode ${copyMode}`);
          log.push(briefly(owner.read()), numbers(owner));
        }
        owner.send(encodeVerdictBatch({ queue: owner.number, id: 9, verdict: ACCEPT }));
      }),
  );
}

test(
  "stand-in kernel agrees with the system's: a device goes down",
  limit,
  () =>
    agree({}, async (stage, log) => {
      const { owner } = stage;
      const { number: queue } = owner;
      for (const device of [NEAR, FAR, NEAR, FAR]) await stage.send("on its way", device);
      log.push(briefly(owner.read()));
      const changes = owner.queue.changes();
      stage.takeDown();
      log.push(owner.queue.changes() !== changes, numbers(owner));
      owner.send(
        tagged(encodeVerdict({ queue, id: 2, verdict: ACCEPT }), 2),
        tagged(encodeVerdictBatch({ queue, id: 4, verdict: ACCEPT }), 4),
        tagged(encodeVerdict({ queue, id: 4, verdict: ACCEPT }), 5),
      );
      log.push(briefly(owner.read()));
    }),
);

test(
  "stand-in kernel agrees with the system's: the capability is lost",
  limit,
  () =>
    agree({}, async (stage, log) => {
      const { owner } = stage;
      const { number: queue } = owner;
      await sendAll(stage, 3);
      log.push(briefly(owner.read()));
      stage.setCapable(false);
      try {
        const verdicts = [1, 2].map((id) => encodeVerdict({ queue, id, verdict: ACCEPT }));
        const messages = verdicts.map((verdict, index) => tagged(verdict, 10 + index));
        log.push(owner.send(...messages), owner.sendInDoubt(...messages));
        log.push(owner.configure({ maxLength: 5 }));
        log.push(briefly(owner.read()), numbers(owner));
      } finally {
        stage.setCapable(true);
      }
      log.push(owner.send(encodeVerdict({ queue, id: 2, verdict: ACCEPT })));
      log.push(briefly(owner.read()));
    }),
);

for (const reportOverruns of [false, true]) {
  test(
    `stand-in kernel agrees with the system's: refusals and a full socket, reportOverruns: ${reportOverruns}`,
    limit,
    () =>
      agreeUntilTheEnd({ receiveBuffer: 4096, reportOverruns }, async (stage, log) => {
        const { owner } = stage;
        const { number: queue } = owner;
        await sendAll(stage, 60);
        const verdicts = Array.from(
          { length: 100 },
          (_, id) => tagged(encodeVerdict({ queue, id: 1000 + id, verdict: ACCEPT }), id),
        );
        const drops = owner.queue.drops();
        log.push(owner.sendInDoubt(...verdicts), owner.queue.drops() - drops);
        log.push(owner.read().filter((one) => "answer" in one));
      }),
  );
}

const action = fc.oneof(
  fc.record({ send: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ id: fc.nat(20), verdict: fc.constantFrom(DROP, ACCEPT, ACCEPT, STOLEN, 6) }),
  fc.record({ upTo: fc.nat(20), verdict: fc.constantFrom(DROP, ACCEPT, ACCEPT, STOLEN) }),
  fc.record({ maxLength: fc.integer({ min: 0, max: 8 }), failOpen: fc.boolean() }),
);

test(
  "stand-in kernel agrees with the system's: scripts by chance",
  { timeout: 120_000 },
  () =>
    fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 30 }), (actions) =>
        agree({ maxLength: 8 }, async (stage, log) => {
          const { owner } = stage;
          const { number: queue } = owner;
          for (const one of actions) {
            if ("send" in one) {
              await sendAll(stage, one.send);
            } else if ("id" in one) {
              const { id, verdict } = one;
              owner.send(tagged(encodeVerdict({ queue, id, verdict, sequence: id }), id));
            } else if ("upTo" in one) {
              const { upTo: id, verdict } = one;
              owner.send(tagged(encodeVerdictBatch({ queue, id, verdict, sequence: id }), id));
            } else {
              const { maxLength, failOpen } = one;
              log.push(owner.configure({ maxLength, flags: failOpen ? 1 : 0, mask: 1 }));
            }
            log.push(briefly(owner.read()), numbers(owner));
          }
        })),
      { numRuns: 15 },
    ),
);
