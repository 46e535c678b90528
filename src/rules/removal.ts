// First version, until the real one is merged (branch h-iptables): take that one.
import { backend } from "../../ffi/backend.ts";

/** What is to be taken away when the process ends. */
export interface Removable {
  withdraw(): void;
  remove(): void;
}

/** Has it taken away at exit. Gives back how to forget it. */
export function removeAtEnd(set: Removable): () => void {
  return backend().onExit(() => set.remove());
}
