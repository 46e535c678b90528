// Recipes on real packets that leave by a cable to another network namespace.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { buildPacket, parseLayers } from "../../src/packet/mod.ts";
import { Dice, Lines } from "../support/filter/recipes.ts";
import { RunningRecipe } from "../support/filter/running_recipe.ts";
import { inside } from "../support/network/inside.ts";
import { mayChangeUser, requireIsolation } from "../support/network/isolation.ts";
import { Cable, Namespace } from "../support/network/namespaces.ts";
import { command, commandAside, ping } from "../support/runtime/command.ts";
import { until } from "../support/runtime/waiting.ts";
import { Capture, RawSender } from "../support/traffic/raw.ts";
import { UdpSocket } from "../support/traffic/udp.ts";

requireIsolation();

const limit = { timeout: 30_000 };

/** A neighbour who says nothing, and everything that leaves towards it. */
class Neighbour implements Disposable {
  readonly #stack = new DisposableStack();
  readonly namespace = this.#stack.use(new Namespace());
  readonly cable = this.#stack.use(new Cable(this.namespace));
  readonly capture: Capture;

  constructor(family: 4 | 6 = 4) {
    // Of IPv6 nothing leaves by itself then.
    if (family === 4) {
      writeFileSync(`/proc/sys/net/ipv6/conf/${this.cable.device}/disable_ipv6`, "1");
    }
    // No errors come back, which sockets would tell of.
    for (const program of ["iptables", "ip6tables"]) {
      this.run([program, "-w", "-A", "INPUT", "-p", "udp", "-j", "DROP"]);
    }
    this.capture = this.#stack.use(new Capture(family, this.cable.device, { leaving: true }));
  }

  run(words: readonly string[]): string {
    const [program = "", ...parameters] = [...this.namespace.prefix, ...words];
    return command(program, parameters);
  }

  /** Data of the UDP packets that have left for a port, as text. */
  texts(port: number): string[] {
    return this.capture.packets.map((bytes) => parseLayers(bytes).udp)
      .filter((udp) => udp?.destinationPort === port)
      .map((udp) => new TextDecoder().decode(udp!.payload));
  }

  /** Waits for so many UDP packets to a port. */
  async take(port: number, count: number): Promise<string[]> {
    await until(() => this.texts(port).length >= count, {
      what: `${count} packets to port ${port} leave`,
      state: () => this.texts(port),
    });
    return this.texts(port);
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, at) => `packet ${at}`);

test("delay: what leaves, leaves later", limit, async () => {
  using neighbour = new Neighbour();
  const { address, farAddress } = neighbour.cable;
  using socket = await UdpSocket.open({ address });
  using ssh = await UdpSocket.open({ address, port: 22 });
  await using recipe = await RunningRecipe.start("emulate/delay");
  const start = performance.now();
  await socket.sendAll(numbers(50), { address: farAddress, port: 9000 });
  await ssh.send("at once", { address: farAddress, port: 9001 });
  await neighbour.take(9001, 1);
  // Nothing had left by then, unless this machine was busy that long.
  const sshTook = performance.now() - start;
  const before = neighbour.texts(9000).length;
  const texts = await neighbour.take(9000, 50);
  const took = performance.now() - start;
  assert.ok(took >= 99, `all after ${took} ms`);
  if (sshTook < 99) assert.equal(before, 0);
  assert.deepEqual(texts.sort(), numbers(50).sort());
  assert.equal(recipe.statistics.accepted, 50);
  const { output } = await ping(farAddress);
  const [, milliseconds] = /time=([\d.]+)/.exec(output) ?? [];
  assert.ok(Number(milliseconds) >= 99, output);
});

test("delay: what waits at the end goes on", limit, async () => {
  using neighbour = new Neighbour();
  using socket = await UdpSocket.open({ address: neighbour.cable.address });
  const recipe = await RunningRecipe.start("emulate/delay");
  await socket.sendAll(numbers(20), { address: neighbour.cable.farAddress, port: 9000 });
  await until(() => recipe.statistics.received === 20, { what: "the recipe has got all" });
  await recipe.stop();
  assert.equal((await neighbour.take(9000, 20)).length, 20);
});

test("lose: about a tenth", limit, async () => {
  using neighbour = new Neighbour();
  using socket = await UdpSocket.open({ address: neighbour.cable.address });
  await using recipe = await RunningRecipe.start("emulate/lose");
  // No more at once than the capture holds.
  for (let sent = 100; sent <= 500; sent += 100) {
    await socket.sendAll(numbers(100), { address: neighbour.cable.farAddress, port: 9000 });
    await until(() => recipe.statistics.accepted + recipe.statistics.dropped === sent, {
      what: "all have their verdicts",
    });
    await neighbour.take(9000, recipe.statistics.accepted);
  }
  const { accepted, dropped } = recipe.statistics;
  assert.equal((await neighbour.take(9000, accepted)).length, accepted);
  assert.ok(dropped > 10 && dropped < 100, `${dropped} of 500`); // six deviations
});

test("shape_rate: one after the other, and so many a second", limit, async () => {
  using neighbour = new Neighbour();
  const { address, farAddress } = neighbour.cable;
  using socket = await UdpSocket.open({ address });
  using other = await UdpSocket.open({ address });
  await using recipe = await RunningRecipe.start("emulate/shape_rate");
  const texts = numbers(30).map((text) => text.padEnd(1000 - 28)); // 8 ms each
  const start = performance.now();
  await socket.sendAll(texts, { address: farAddress, port: 9000 });
  await other.send("at once", { address: farAddress, port: 9001 });
  await neighbour.take(9001, 1);
  const [alone, before] = [performance.now() - start, neighbour.texts(9000).length];
  assert.deepEqual(await neighbour.take(9000, 30), texts);
  const took = performance.now() - start;
  assert.ok(took >= 29 * 8 - 2, `30 packets in ${took} ms`);
  // Unless this machine was busy that long.
  if (alone < 200) assert.ok(before < 30, "another flow need not wait for them");
  assert.deepEqual([recipe.statistics.dropped, recipe.failures], [0, []]);
});

test("limit_rate: a burst, and then so many a second", limit, async () => {
  using neighbour = new Neighbour();
  const { address, farAddress } = neighbour.cable;
  using socket = await UdpSocket.open({ address });
  using other = await UdpSocket.open({ address });
  await using recipe = await RunningRecipe.start("emulate/limit_rate");
  const data = "x".repeat(1000 - 28);
  const decided = () => recipe.statistics.accepted + recipe.statistics.dropped;
  const start = performance.now();
  await socket.sendAll(Array(100).fill(data), { address: farAddress, port: 9000 });
  await until(() => decided() === 100, { what: "all have their verdicts" });
  const seconds = (performance.now() - start) / 1000;
  const passed = recipe.statistics.accepted;
  const most = 21 + Math.ceil(125 * seconds);
  assert.ok(passed >= 20 && passed <= most, `${passed} in ${seconds} s`);
  await other.send(data, { address: farAddress, port: 9001 });
  await neighbour.take(9001, 1);
  assert.equal((await neighbour.take(9000, passed)).length, passed);
});

test("duplicate and reorder", limit, async () => {
  using neighbour = new Neighbour();
  const { address, farAddress } = neighbour.cable;
  using socket = await UdpSocket.open({ address });
  {
    await using _recipe = await RunningRecipe.start("emulate/duplicate");
    using _dice = new Dice(0, 0.9);
    await socket.sendAll(numbers(4), { address: farAddress, port: 9000 });
    const texts = await neighbour.take(9000, 6);
    const [a, b, c, d] = numbers(4);
    assert.deepEqual(texts.sort(), [a, a, b, c, c, d]);
    const packets = neighbour.capture.packets.map((bytes) => parseLayers(bytes))
      .filter(({ udp }) => udp?.destinationPort === 9000);
    assert.ok(packets.every(({ malformed }) => malformed === undefined));
  }
  await using _recipe = await RunningRecipe.start("emulate/reorder");
  await socket.sendAll(numbers(8), { address: farAddress, port: 9001 });
  const texts = await neighbour.take(9001, 8); // the last of them by its deadline
  assert.deepEqual(texts, [0, 1, 2, 4, 3, 5, 6, 7].map((at) => `packet ${at}`));
});

for (const family of [4, 6] as const) {
  test(`set_ttl and set_dscp, IPv${family}`, limit, async () => {
    using neighbour = new Neighbour(family);
    const { address, address6, farAddress, farAddress6 } = neighbour.cable;
    const [source, destination] = family === 4 ? [address, farAddress] : [address6, farAddress6];
    using sender = new RawSender(family);
    const send = (destinationPort: number, fields: { ttl?: number; dscp?: number }) =>
      sender.send(buildPacket({
        ip: { source, destination, ...fields },
        ...{ udp: { sourcePort: 1, destinationPort }, payload: Uint8Array.of(1, 2, 3) },
      }));
    const ip = async (port: number) => {
      const isFound = (bytes: Uint8Array) => parseLayers(bytes).udp?.destinationPort === port;
      const found = await neighbour.capture.find(isFound, `a packet to port ${port}`);
      const layers = parseLayers(found);
      assert.equal(layers.malformed, undefined);
      return layers.ip!;
    };
    {
      await using _recipe = await RunningRecipe.start("change/set_ttl");
      send(9000, { ttl: 5 });
      assert.equal((await ip(9000)).ttl, 64);
    }
    await using _recipe = await RunningRecipe.start("change/set_dscp");
    send(16_384, { dscp: 0 });
    assert.equal((await ip(16_384)).dscp, 46);
    send(9001, { dscp: 46 });
    assert.equal((await ip(9001)).dscp, 0);
  });
}

test("mark_for_routing: connections take two ways", limit, async () => {
  using one = new Neighbour();
  using two = new Neighbour();
  using stack = new DisposableStack();
  const place = "198.51.100.9";
  const routes: [string[], string[]][] = [one, two].map(({ cable }, at) => [
    ["route", "XXX", "default", "via", cable.farAddress, "table", `${101 + at}`],
    ["rule", "XXX", "fwmark", `${1 + at}/0xf`, "lookup", `${101 + at}`],
  ]);
  routes.push([["route", "XXX", `${place}/32`, "via", one.cable.farAddress], []]);
  const routed = routes.flat().filter((words) => words.length > 0);
  for (const words of routed) {
    const ip = (verb: string) => command("ip", words.map((word) => word === "XXX" ? verb : word));
    ip("add");
    stack.defer(() => ip("del"));
  }
  await using recipe = await RunningRecipe.start("change/mark_for_routing");
  const sockets: UdpSocket[] = [];
  for (let count = 0; count < 16; count++) {
    sockets.push(stack.use(await UdpSocket.open({ address: one.cable.address })));
  }
  for (const socket of sockets) {
    await socket.sendAll(["a", "b", "c"], { address: place, port: 9000 });
  }
  const all = sockets.length * 3;
  const left = () => one.texts(9000).length + two.texts(9000).length;
  await until(() => left() === all, { what: "all leave", state: left });
  assert.deepEqual(recipe.failures, []);
  const flows = [one, two].map(({ capture }) =>
    capture.packets.map((bytes) => parseLayers(bytes).udp?.sourcePort)
      .filter((port) => sockets.some((socket) => socket.port === port))
  );
  const [first, second] = flows.map((ports) => new Set(ports));
  assert.ok(first!.size > 0 && second!.size > 0, "both ways are taken");
  assert.equal(first!.size + second!.size, 16, "each flow takes one");
});

test("replace_text", limit, async () => {
  using neighbour = new Neighbour();
  using socket = await UdpSocket.open({ address: neighbour.cable.address });
  await using _recipe = await RunningRecipe.start("change/replace_text");
  await socket.sendAll(["login password=1234", "x"], {
    ...{ address: neighbour.cable.farAddress, port: 514 },
  });
  assert.deepEqual(await neighbour.take(514, 2), ["login secret-1234", "x"]);
});

test("answer_ping: somebody is where nobody is", limit, async () => {
  using neighbour = new Neighbour();
  const { farAddress } = neighbour.cable;
  using stack = new DisposableStack();
  command("ip", ["route", "add", "192.0.2.0/24", "via", farAddress]);
  stack.defer(() => command("ip", ["route", "del", "192.0.2.0/24"]));
  await using _recipe = await RunningRecipe.start("decide/answer_ping");
  const { received, output } = await ping("192.0.2.77", { count: 3, size: 100, pattern: 0x5a });
  assert.equal(received, 3, output);
  assert.match(output, /108 bytes from 192\.0\.2\.77/);
  assert.doesNotMatch(output, /wrong data|DUP|checksum/);
  assert.equal((await ping(farAddress)).received, 1);
});

test("block_inbound: nobody from outside begins", limit, async () => {
  using neighbour = new Neighbour();
  const { address, farAddress } = neighbour.cable;
  using lines = new Lines();
  using server = await UdpSocket.open({ address });
  using client = await UdpSocket.open({ address });
  await using recipe = await RunningRecipe.start("decide/block_inbound");
  using outside = inside(neighbour.namespace, () => new RawSender(4));
  const send = (sourcePort: number, destinationPort: number, text: string) =>
    outside.send(buildPacket({
      ip: { source: farAddress, destination: address },
      udp: { sourcePort, destinationPort },
      payload: new TextEncoder().encode(text),
    }));
  send(9000, server.port, "who are you?");
  await until(() => recipe.statistics.dropped === 1, { what: "it is dropped" });
  await client.send("a question", { address: farAddress, port: 9001 });
  send(9001, client.port, "an answer");
  assert.deepEqual(await client.take(1), ["an answer"]);
  send(9000, client.port, "and I?"); // not of that connection
  await until(() => recipe.statistics.dropped === 2, { what: "it is dropped" });
  assert.deepEqual([server.pending, client.pending], [[], []]);
  assert.equal(lines.all.length, 2);
});

const asUser = {
  ...limit,
  skip: mayChangeUser() ? false : "only real root can take another user's id",
};

test("limit_user and log_by_user", asUser, async () => {
  using neighbour = new Neighbour();
  const { farAddress, farDevice } = neighbour.cable;
  using stack = new DisposableStack();
  const outside = "203.0.113.80";
  neighbour.run(["ip", "addr", "add", `${outside}/32`, "dev", farDevice]);
  command("ip", ["route", "add", outside, "via", farAddress]);
  stack.defer(() => command("ip", ["route", "del", outside]));
  const connect = async (uid: number, address: string) => {
    const words = ["--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups", "--"];
    const script = 'exec 3<>"/dev/tcp/$0/7"';
    try {
      await commandAside("setpriv", [...words, "bash", "-c", script, address]);
      return "connected";
    } catch (error) {
      return /No route to host|Connection refused/.exec(String(error))?.[0] ?? String(error);
    }
  };
  using lines = new Lines();
  {
    await using recipe = await RunningRecipe.start("decide/limit_user");
    assert.equal(await connect(65534, outside), "No route to host");
    // Nobody listens there: the answer comes from there.
    assert.equal(await connect(65534, farAddress), "Connection refused");
    assert.equal(await connect(0, outside), "Connection refused");
    assert.equal(recipe.statistics.received, 1);
    assert.match(lines.all.join(), /^refused {2}IP 10\.9\.\d+\.1\.\d+ > 203\.0\.113\.80\.7: /);
  }
  lines.all.length = 0;
  await using _recipe = await RunningRecipe.start("watch/log_by_user");
  assert.equal(await connect(12_345, outside), "Connection refused");
  assert.equal(lines.all.length, 1);
  assert.match(lines.all[0]!, new RegExp(`^uid 12345 .*203.0.113.80.* ${neighbour.cable.device}$`));
});
