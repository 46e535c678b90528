/** The second thread of consumer.ts. */
import { answerHere } from "./guest.ts";
import type { Answer, Question } from "./order.ts";

/** The few members of a worker's global scope that are used here. */
interface WorkerScope {
  onmessage: (event: MessageEvent<Question>) => void;
  postMessage(message: Answer): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = ({ data }) => {
  answerHere(data).catch((error: unknown): Answer => ({ error: String(error) }))
    .then((reply) => scope.postMessage(reply));
};
