/** A process that runs queues as it is told, line by line; worker.ts is its second thread. */
import process from "node:process";
import { createInterface } from "node:readline";
import { collectGarbage } from "../../tests/support/runtime/child.ts";
import { answerHere } from "./guest.ts";
import type { Answer, Question } from "./order.ts";

let worker: Worker | undefined;

/** In a worker; it answers every question once. */
const answerThere = (question: Question): Promise<Answer> =>
  new Promise((resolve, reject) => {
    worker ??= new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => resolve(data as Answer);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage(question);
  });

let place = answerHere;

async function answer(question: Question): Promise<Answer> {
  if (question.ask === "collect") {
    await collectGarbage();
    return {};
  }
  if (question.ask === "terminate") {
    worker?.terminate();
    worker = undefined;
    place = answerHere;
    return {};
  }
  if (question.ask === "start") place = question.order.way === "worker" ? answerThere : answerHere;
  const reply = await place(question);
  if (question.ask === "stop") {
    // Its queues are closed, so that it may go.
    worker?.terminate();
    worker = undefined;
  }
  return reply;
}

console.log("{}");
for await (const line of createInterface({ input: process.stdin })) {
  const reply = await answer(JSON.parse(line) as Question)
    .catch((error: unknown): Answer => ({ error: String(error) }));
  console.log(JSON.stringify(reply));
}
process.exit();
