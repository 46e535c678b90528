// examples/ask_by_program.ts: who is asked for, what is refused, and what waits meanwhile.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import ownFilter, { firewall } from "../../examples/ask_by_program.ts";
import { runFilter, Verdict } from "../../mod.ts";
import { testFilter } from "../../src/testing/mod.ts";
import { requireIsolation } from "../support/network/isolation.ts";
import { Cable, Namespace } from "../support/network/namespaces.ts";
import { deferred, until, within } from "../support/runtime/waiting.ts";
import { PythonProcess } from "../support/runtime/python.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const timeout = 60_000;

test("on real packets: one program may, the other is refused", { timeout }, async () => {
  using namespace = new Namespace();
  using cable = new Cable(namespace);
  await using server = new PythonProcess({ prefix: namespace.prefix });
  await using client = new PythonProcess();
  const port = await server.run<number>(
    `l = socket.create_server(('${cable.farAddress}', 0)); say(l.getsockname()[1])`,
  );
  const questions: string[] = [];
  const bash = deferred<boolean>();
  const ask = (question: string): Promise<boolean> => {
    questions.push(question);
    return question.includes("bash") ? bash.promise : Promise.resolve(true);
  };
  const controller = new AbortController();
  const done = runFilter(firewall(ask), { signal: controller.signal });
  done.catch(() => {});
  try {
    const connect = `c = socket.create_connection(('${cable.farAddress}', ${port}), 5); c.close()`;
    // Before the rules are there it passes unseen.
    while (questions.length === 0) await client.run(connect);
    await client.run(connect);
    assert.equal(questions.length, 1);
    assert.match(questions[0]!, /^May \S*python\S* connect\? \(TCP /);
    const refused = client.run<string>(
      `r = subprocess.run(['bash', '-c', 'exec 3<>/dev/tcp/${cable.farAddress}/${port}'], capture_output=True)
say(r.stderr.decode())`,
    );
    await until(() => questions.length === 2, { what: "bash is asked for" });
    bash.resolve(false);
    assert.match(await refused, /Connection refused/);
    assert.match(questions[1]!, /bash/);
    await client.run(connect);
    assert.equal(questions.length, 2);
  } finally {
    controller.abort();
    await within(done, { what: "the filter ends" });
  }
});

test("in the test kit: real sockets, made packets", { timeout }, async () => {
  using socket = await UdpSocket.open();
  const questions: string[] = [];
  await using filter = testFilter(firewall((question) => {
    questions.push(question);
    return Promise.resolve(!question.includes("somebody"));
  }));
  const send = (sourcePort: number, destinationPort: number) =>
    filter.send({
      ipv4: { source: "127.0.0.1", destination: "192.0.2.1" },
      udp: { sourcePort, destinationPort },
    }, { hook: "output", conntrack: { state: "NEW" } });
  const [own, again] = [await send(socket.port, 53), await send(socket.port, 54)];
  assert.deepEqual([own.verdict, again.verdict], [Verdict.Accept, Verdict.Accept]);
  assert.equal(questions.length, 1);
  assert.ok(questions[0]!.includes(process.execPath.split("/").pop()!), String(questions));
  const nobody = await send(9, 53);
  assert.equal(nobody.verdict, Verdict.Drop);
  assert.match(questions[1]!, /^May somebody \(no socket has these ends.*\) connect\?/);
});

test("what is exported is a filter", () => {
  assert.equal(typeof ownFilter.packet, "function");
});
