// Whose a packet is: many sockets, sockets of several processes, and sockets that are no more.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { requireIsolation } from "../support/network/isolation.ts";
import { tcpTo, udpTo } from "../support/network/rules.ts";
import { PythonProcess } from "../support/runtime/python.ts";
import { until } from "../support/runtime/waiting.ts";
import { TcpEchoServer } from "../support/traffic/tcp.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { idsOf, Watch } from "./watched.ts";

requireIsolation();

const timeout = 60_000;
const PROCESSES = 20;

/** Ten sockets: UDP of both versions, unconnected, connected and for any address, and TCP. */
const open = (udp: number, udp6: number, tcp: number) =>
  `sockets = []
for kind in range(10):
    six, stream = kind in (3, 4), kind >= 6
    s = socket.socket(socket.AF_INET6 if six or kind == 5 else socket.AF_INET,
                      socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
    to = ('127.0.0.1', ${tcp}) if stream else ('::1', ${udp6}) if six else ('127.0.0.1', ${udp})
    if kind == 5: to = ('::ffff:127.0.0.1', ${udp})
    if kind == 1: s.bind(('127.0.0.1', 0))
    elif not stream: s.bind(('', 0))
    if kind in (2, 4) or stream: s.connect(to)
    sockets.append((s, to, kind in (2, 4) or stream))
def send():
    for s, to, connected in sockets:
        if connected: s.send(b'x')
        else: s.sendto(b'x', to)
say([s.getsockname()[1] for s, to, connected in sockets])`;

test("200 sockets of 20 processes", { timeout: 120_000 }, async () => {
  using receiver = await UdpSocket.open();
  using receiver6 = await UdpSocket.open({ family: 6 });
  await using server = await TcpEchoServer.open();
  await using stack = new AsyncDisposableStack();
  const owners = new Map<string, number>();
  const all: PythonProcess[] = [];
  for (let made = 0; made < PROCESSES; made++) all.push(stack.use(new PythonProcess()));
  for (const one of all) {
    const code = open(receiver.port, receiver6.port, server.port);
    const ports = await one.run<number[]>(code);
    assert.equal(ports.length, 10);
    ports.forEach((port, kind) => owners.set(`${kind >= 6 ? 6 : 17} ${port}`, one.pid));
  }
  assert.equal(owners.size, 10 * PROCESSES);
  await using watch = new Watch([
    { chain: "OUTPUT", match: udpTo(receiver.port) },
    { chain: "OUTPUT", match: tcpTo(server.port) },
    { chain: "OUTPUT", match: udpTo(receiver6.port), family: 6 },
  ]);
  // First all are new; then all are known.
  for (let round = 0; round < 3; round++) {
    const wrong: unknown[] = [];
    const seen = new Set<string>();
    const start = watch.seen.length;
    for (const one of all) await one.run("send()");
    const check = () => {
      for (const { packet, result } of watch.seen.slice(start)) {
        const { sourcePort, protocol } = packet.flow!;
        const key = `${protocol} ${sourcePort}`;
        seen.add(key);
        if (String(idsOf(result)) !== String(owners.get(key))) wrong.push([key, result]);
      }
      return seen.size;
    };
    await until(() => check() === owners.size, { what: "all sockets have sent", state: check });
    assert.deepEqual(wrong, []);
  }
});

test("the process is told, and frozen", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  await using peer = new PythonProcess();
  await using watch = new Watch([{ chain: "OUTPUT", match: udpTo(receiver.port) }]);
  await peer.run("s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)");
  const send = () => peer.run(`s.sendto(b'x', ('127.0.0.1', ${receiver.port}))`);
  const [first] = await watch.next(1, send);
  const { result } = first!;
  const [told] = result.processes;
  assert.equal(told!.id, peer.pid);
  assert.equal(told!.parent, process.pid);
  assert.equal(told!.name, "python3");
  assert.match(told!.program!, /\/python3/);
  assert.equal(told!.programDeleted, false);
  assert.deepEqual(told!.commandLine.slice(1, 4), ["-S", "-u", "-c"]);
  assert.match(told!.cgroup!, /^\//);
  assert.equal(told!.user, process.getuid!());
  assert.equal(told!.otherMounts, false);
  assert.ok(told!.started > 0);
  assert.equal(result.user, process.getuid!());
  assert.deepEqual(result.sockets.map(({ kind, state }) => [kind, state]), [["udp", "open"]]);
  assert.ok(result.sockets[0]!.inode > 0);
  for (const part of [result, result.processes, told, told!.commandLine, result.sockets]) {
    assert.ok(Object.isFrozen(part));
  }
  const [second] = await watch.next(1, send);
  assert.equal(second!.result, result);
});

test("shared by fork: parent first, then the child alone", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  await using parent = new PythonProcess();
  await using watch = new Watch([{ chain: "OUTPUT", match: udpTo(receiver.port) }]);
  const send = `s.sendto(b'x', ('127.0.0.1', ${receiver.port}))`;
  await parent.run("s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 0))");
  const child = await parent.run<number>(
    `r, w = os.pipe()
child = os.fork()
if child == 0:
    for step in iter(lambda: os.read(r, 1), b'q'): ${send}
    os._exit(0)
say(child)`,
  );
  assert.deepEqual(await watch.processes(() => parent.run(send)), [parent.pid, child]);
  assert.deepEqual(await watch.processes(() => parent.run("os.write(w, b'x')")), [
    ...[parent.pid, child],
  ]);
  assert.deepEqual(await watch.processes(() => parent.run("s.close(); os.write(w, b'x')")), [
    child,
  ]);
  await parent.run("os.write(w, b'q'); os.waitpid(child, 0)");
});

test("a child that comes later is found a second later", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  await using parent = new PythonProcess();
  await using watch = new Watch([{ chain: "OUTPUT", match: udpTo(receiver.port) }]);
  const send = () => parent.run(`s.sendto(b'x', ('127.0.0.1', ${receiver.port}))`);
  await parent.run("s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 0))");
  assert.deepEqual(await watch.processes(send), [parent.pid]);
  const child = await parent.run<number>(
    `child = subprocess.Popen(['sleep', '100'], pass_fds=[s.fileno()]); say(child.pid)`,
  );
  let found: readonly number[] = [];
  const end = performance.now() + 8000;
  while (found.length < 2 && performance.now() < end) found = await watch.processes(send);
  assert.deepEqual(found, [parent.pid, child]);
  const { result } = watch.seen.at(-1)!;
  assert.equal(result.processes[1]!.name, "sleep");
  await parent.run("child.kill(); child.wait()");
  assert.deepEqual(await watch.processes(send), [parent.pid]);
});

test("the same process becomes another program", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  await using peer = new PythonProcess();
  await using watch = new Watch([{ chain: "OUTPUT", match: udpTo(receiver.port) }]);
  await peer.run(
    `s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(('127.0.0.1', ${receiver.port})); s.set_inheritable(True); os.dup2(s.fileno(), 9)`,
  );
  await watch.next(1, () => peer.run("s.send(b'x')"));
  assert.equal(watch.seen[0]!.result.processes[0]!.name, "python3");
  await watch.next(1, () => {
    peer.replace("os.execvp('bash', ['bash', '-c', 'printf x >&9; read; exit'])");
    return Promise.resolve();
  });
  const [told] = watch.seen[1]!.result.processes;
  assert.equal(told!.id, peer.pid);
  assert.match(told!.program!, /bash$/);
  assert.equal(told!.commandLine[0], "bash");
});

test("passed to another process", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  await using from = new PythonProcess();
  await using to = new PythonProcess();
  await using watch = new Watch([{ chain: "OUTPUT", match: udpTo(receiver.port) }]);
  const name = `\\0nfqueue-test-${from.pid}`;
  await to.run(
    `u = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); u.bind('${name}')`,
  );
  await from.run(
    `s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(('127.0.0.1', ${receiver.port}))
u = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); u.connect('${name}')`,
  );
  assert.deepEqual(await watch.processes(() => from.run("s.send(b'x')")), [from.pid]);
  await from.run("socket.send_fds(u, [b'x'], [s.fileno()]); s.close()");
  await to.run("s = socket.socket(fileno=socket.recv_fds(u, 1, 1)[1][0])");
  assert.deepEqual(await watch.processes(() => to.run("s.send(b'x')")), [to.pid]);
});

test("the port is used again by another process", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  await using server = await TcpEchoServer.open();
  await using one = new PythonProcess();
  await using two = new PythonProcess();
  await using watch = new Watch([
    { chain: "OUTPUT", match: udpTo(receiver.port) },
    { chain: "OUTPUT", match: [...tcpTo(server.port), "--tcp-flags", "PSH", "PSH"] },
  ]);
  let [udp, tcp] = [0, 0];
  for (let round = 0; round < 6; round++) {
    const peer = round % 2 === 0 ? one : two;
    const ports = await peer.run<number[]>(
      `s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', ${udp}))
t = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
t.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
t.bind(('', ${tcp})); t.connect(('127.0.0.1', ${server.port}))
say([s.getsockname()[1], t.getsockname()[1]])`,
    );
    [udp, tcp] = ports as [number, number];
    const send = `s.sendto(b'x', ('127.0.0.1', ${receiver.port})); t.send(b'x')`;
    const seen = await watch.next(2, () => peer.run(send));
    assert.deepEqual(seen.map(({ packet }) => packet.flow!.sourcePort).sort(), [udp, tcp].sort());
    for (const { result } of seen) assert.deepEqual(idsOf(result), [peer.pid]);
    await peer.run("s.close(); t.close()");
  }
});

test("closed before it is asked", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  await using peer = new PythonProcess();
  let asked = 0;
  await using watch = new Watch([{ chain: "OUTPUT", match: udpTo(receiver.port) }], {
    before: async () => {
      if (asked++ > 0) await peer.run("s.close()");
    },
  });
  await peer.run("s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 0))");
  const send = () => peer.run(`s.sendto(b'x', ('127.0.0.1', ${receiver.port}))`);
  const [open] = await watch.next(1, send);
  assert.deepEqual(idsOf(open!.result), [peer.pid]);
  const [closed] = await watch.next(1, send);
  assert.deepEqual(closed!.result.processes, []);
  assert.equal(closed!.result.unseen?.reason, "no-socket");
  assert.equal(closed!.result.user, undefined);
});

test("a connection that its program has closed", { timeout }, async () => {
  await using server = new PythonProcess();
  await using peer = new PythonProcess();
  const port = await server.run<number>(
    "l = socket.create_server(('127.0.0.1', 0)); say(l.getsockname()[1])",
  );
  await using watch = new Watch([
    { chain: "OUTPUT", match: [...tcpTo(port)] },
  ]);
  await watch.next(2, () =>
    peer.run(
      `s = socket.create_connection(('127.0.0.1', ${port}))`,
    ));
  for (const { result } of watch.seen) assert.deepEqual(idsOf(result), [peer.pid]);
  await server.run("c = l.accept()[0]");
  // The FIN leaves while the program still has the socket, or just after: the kernel sends it in close().
  const [fin] = await watch.next(1, () => peer.run("s.close()"));
  assert.ok(fin!.packet.tcp!.fin);
  assert.equal(fin!.result.processes[0]?.id, peer.pid);
  // FIN-WAIT-2: an orphan, which acknowledges.
  const [acknowledged] = await watch.next(1, () => server.run("c.send(b'late')"));
  const { result, packet } = acknowledged!;
  if (packet.tcp!.rst) assert.equal(result.unseen?.reason, "no-socket");
  else {
    assert.deepEqual([result.unseen?.reason, result.processes[0]?.id], ["closed", peer.pid]);
    assert.equal(result.sockets[0]!.state, "closed");
  }
});

test("likely processes first", { timeout }, async () => {
  using receiver = await UdpSocket.open();
  await using peer = new PythonProcess();
  await using other = new PythonProcess();
  await using watch = new Watch([{ chain: "OUTPUT", match: udpTo(receiver.port) }], {
    search: "likely",
  });
  const make = "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 0))";
  const send = `s.sendto(b'x', ('127.0.0.1', ${receiver.port}))`;
  for (const one of [peer, other, peer, peer, other]) {
    assert.deepEqual(await watch.processes(() => one.run(`${make}; ${send}`)), [one.pid]);
    assert.deepEqual(await watch.processes(() => one.run(send)), [one.pid]);
  }
  // A new process is likely too.
  const child = await peer.run<number>(
    `${make}
r, w = os.pipe()
child = os.fork()
if child == 0:
    os.read(r, 1); ${send}
    os.read(r, 1); os._exit(0)
say(child)`,
  );
  assert.deepEqual(await watch.processes(() => peer.run("os.write(w, b'x')")), [peer.pid, child]);
  await peer.run("os.write(w, b'q'); os.waitpid(child, 0)");
});
