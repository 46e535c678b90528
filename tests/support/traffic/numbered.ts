/**
 * Numbered datagrams from a process of their own, counted by the kernel where they arrive: whatever a test
 * does, or waits for, makes none late and loses none.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Rule, udpTo } from "../network/rules.ts";
import { Child } from "../runtime/child.ts";
import { until } from "../runtime/waiting.ts";
import { UdpSocket } from "./udp.ts";

const script = new URL("numbered_sender.ts", import.meta.url);

/** A stream of numbered datagrams to `port`. */
export class NumberedTraffic implements AsyncDisposable {
  readonly port: number;
  /** Of the packets that come in. */
  readonly #arrived: Rule;
  #sender: Child | undefined;

  private constructor(port: number) {
    this.port = port;
    this.#arrived = new Rule({ chain: "INPUT", match: udpTo(port) });
  }

  /** Finds a port; nothing is sent yet. */
  static async open(): Promise<NumberedTraffic> {
    using socket = await UdpSocket.open();
    return new NumberedTraffic(socket.port);
  }

  /** Begins to send. */
  async begin(rate: number): Promise<void> {
    this.#sender = new Child(script, { parameters: [this.port, rate] });
    await this.#sender.says("begun");
  }

  /** What the sender said. */
  get said(): string {
    return `${this.#sender?.output}${this.#sender?.errors}`;
  }

  /** Sends no more. @returns how many were sent */
  async stop(): Promise<number> {
    this.#sender!.kill("SIGTERM");
    assert.deepEqual(await this.#sender!.end(), { code: 0, signal: null });
    return Number(/sent (\d+)/.exec(this.#sender!.output)![1]);
  }

  /** The numbers that were decided are those that were sent, each once; so many have arrived. */
  async assertWhole(sent: number, decided: readonly number[]): Promise<void> {
    assert.deepEqual(
      decided.toSorted((one, two) => one - two),
      Array.from({ length: sent }, (_, number) => number),
    );
    await until(() => this.#arrived.packets >= sent, { what: "all have arrived" });
    assert.equal(this.#arrived.packets, sent);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sender?.[Symbol.asyncDispose]();
    this.#arrived[Symbol.dispose]();
  }
}
