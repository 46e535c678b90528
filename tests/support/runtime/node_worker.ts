/**
 * Loaded before a program under Node: gives it the web's `Worker`, and a worker the web's calls, over
 * node:worker_threads. Fixtures are then the same for every runtime.
 *
 * @module
 */

import { isMainThread, parentPort, Worker as Thread } from "node:worker_threads";

type Listener = ((event: Event) => void) | null;

/** What is used of the web's Worker. */
class ThreadWorker extends EventTarget {
  readonly #thread: Thread;
  onmessage: Listener = null;
  onerror: Listener = null;

  constructor(url: URL | string) {
    super();
    this.#thread = new Thread(new URL(url));
    this.#thread.on("message", (data) => {
      const event = new MessageEvent("message", { data });
      this.onmessage?.(event);
      this.dispatchEvent(event);
    });
    this.#thread.on("error", (error) => {
      const event = Object.assign(new Event("error"), { message: String(error), error });
      this.onerror?.(event);
      this.dispatchEvent(event);
    });
  }

  postMessage(message: unknown, transfer: readonly ArrayBuffer[] = []): void {
    this.#thread.postMessage(message, [...transfer]);
  }

  terminate(): void {
    void this.#thread.terminate();
  }
}

if (isMainThread) Object.assign(globalThis, { Worker: ThreadWorker });
else if (parentPort !== null) {
  const port = parentPort;
  const hear = (listener: (event: Event) => void) => {
    port.on("message", (data) => listener(new MessageEvent("message", { data })));
  };
  Object.defineProperty(globalThis, "onmessage", { set: hear });
  Object.assign(globalThis, {
    Worker: ThreadWorker,
    postMessage: (message: unknown) => port.postMessage(message),
    addEventListener: (_: "message", listener: (event: Event) => void) => hear(listener),
    close: () => port.close(),
  });
}
