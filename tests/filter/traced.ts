/**
 * A host whose steps are written down, on real queues and rules.
 *
 * @module
 */

import { PacketQueue, type PacketQueueOptions, queueStatistics } from "../../mod.ts";
import type { HostOptions } from "../../src/filter/host.ts";
import type { InstallRules } from "../../src/filter/installed_rules.ts";
import type { Rule } from "../../src/rules/rule/rule.ts";
import { TestRules } from "../support/filter/test_rules.ts";

/** A rule for what goes out to this UDP port. */
export function ruleTo(port: number, queue?: Rule["queue"]): Rule {
  const rule = { hook: "output", protocol: "udp", destinationPort: port } as const;
  return queue === undefined ? rule : { ...rule, queue };
}

/** Writes down what a host does with rules and queues. */
export class Traced {
  readonly steps: string[] = [];
  readonly messages: string[] = [];
  readonly queues: PacketQueue[] = [];
  readonly rules: TestRules[] = [];
  /** Thrown instead of doing what is named. */
  readonly failing: Partial<Record<"open" | "install" | "replace" | "remove", Error>> = {};

  /** The host's options. */
  options(more: Partial<HostOptions> = {}): HostOptions {
    return {
      openQueue: this.#open,
      installRules: this.#install,
      log: (message) => this.messages.push(message),
      ...more,
    };
  }

  /** Queues that somebody of this host has still open. */
  get open(): readonly number[] {
    return this.queues.filter(({ closed }) => !closed).map(({ number }) => number);
  }

  /** A fresh number that is free now, and as many behind it. */
  static freeRow(length: number): number {
    const owned = new Set(queueStatistics().map(({ queue }) => queue));
    for (let first = 500;; first++) {
      if (Array.from({ length }, (_, at) => first + at).every((one) => !owned.has(one))) {
        return first;
      }
    }
  }

  readonly #open = (number: number, options: PacketQueueOptions): PacketQueue => {
    if (this.failing.open) throw this.failing.open;
    const queue = PacketQueue.open(number, options);
    this.queues.push(queue);
    this.steps.push("open");
    const close = queue.close.bind(queue);
    queue.close = () => {
      if (!queue.closed) this.steps.push("close");
      close();
    };
    return queue;
  };

  readonly #install: InstallRules = (rules) => {
    if (this.failing.install) throw this.failing.install;
    const set = new TestRules(rules);
    this.rules.push(set);
    this.steps.push(`install ${rules.length}`);
    return {
      replace: (rules) => {
        if (this.failing.replace) throw this.failing.replace;
        set.replace(rules);
        this.steps.push(rules.length === 0 ? "withdraw" : `replace ${rules.length}`);
      },
      remove: () => {
        set.remove();
        this.steps.push("remove");
        if (this.failing.remove) throw this.failing.remove;
      },
    };
  };
}
