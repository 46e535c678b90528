// NfqData: what came with a packet, from the kernel and from messages made by hand.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  HandleClosedError,
  NF_ACCEPT,
  NFQ_XML_DEV,
  NFQ_XML_GID,
  NFQ_XML_HW,
  NFQ_XML_MARK,
  NFQ_XML_PAYLOAD,
  NFQ_XML_PHYSDEV,
  NFQ_XML_SECCTX,
  NFQ_XML_TIME,
  NFQ_XML_UID,
  NFQA_CFG_F_SECCTX,
  NFQA_CFG_F_UID_GID,
  NfqData,
  NfqHandle,
  NFQNL_COPY_PACKET,
  NlifHandle,
  SystemError,
} from "../../src/libnetfilter_queue/mod.ts";
import { ping } from "../support/runtime/command.ts";
import { outerId, requireIsolation } from "../support/network/isolation.ts";
import { Cable, Namespace } from "../support/network/namespaces.ts";
import { nextQueue } from "../support/queue/numbers.ts";
import { ipHeaderLength, udpText } from "../support/traffic/packets.ts";
import { queueRule, Rule, udpTo } from "../support/network/rules.ts";
import { collectGarbage } from "../support/runtime/child.ts";
import { UdpSocket } from "../support/traffic/udp.ts";
import { packetMessage, serveOne, Serving } from "./serving.ts";

requireIsolation();

const timeout = 20_000;

/** Everything that a packet tells, and its XML. */
function read(data: NfqData, names: NlifHandle) {
  return {
    header: data.nfq_get_msg_packet_hdr(),
    mark: data.nfq_get_nfmark(),
    timestamp: data.nfq_get_timestamp(),
    devices: [
      data.nfq_get_indev(),
      data.nfq_get_outdev(),
      data.nfq_get_physindev(),
      data.nfq_get_physoutdev(),
    ],
    names: [
      data.nfq_get_indev_name(names),
      data.nfq_get_outdev_name(names),
      data.nfq_get_physindev_name(names),
      data.nfq_get_physoutdev_name(names),
    ],
    hardware: data.nfq_get_packet_hw(),
    skbinfo: data.nfq_get_skbinfo(),
    uid: data.nfq_get_uid(),
    gid: data.nfq_get_gid(),
    secctx: data.nfq_get_secctx(),
    payload: data.nfq_get_payload(),
    xml: data.nfq_snprintf_xml(),
  };
}

/** The text of an XML element, where there is exactly one. */
function element(xml: string, name: string): string | undefined {
  const found = [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))];
  assert.ok(found.length < 2, `${name} in ${xml}`);
  return found[0]?.[1];
}

const hex = (bytes: Uint8Array | undefined): string =>
  [...bytes ?? []].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** What the callback of one message made by hand gives. */
function fromMessage<Value>(
  message: Parameters<typeof packetMessage>[1],
  call: (data: NfqData, names: NlifHandle) => Value,
): Value {
  using handle = NfqHandle.nfq_open();
  using names = NlifHandle.nlif_open();
  names.nlif_query();
  let value: { readonly value: Value } | undefined;
  const queue = handle.nfq_create_queue(nextQueue(), (_queue, _message, data) => {
    value = { value: call(data, names) };
  });
  assert.equal(handle.nfq_handle_packet(packetMessage(queue.number, message)), 0);
  assert.ok(value);
  return value.value;
}

for (const family of [4, 6] as const) {
  test(`a packet on its way out, IPv${family}`, { timeout }, async () => {
    using receiver = await UdpSocket.open({ family });
    using handle = NfqHandle.nfq_open();
    using names = NlifHandle.nlif_open();
    names.nlif_query();
    const seen: { family: number; resourceId: number; data: ReturnType<typeof read> }[] = [];
    const queue = handle.nfq_create_queue(nextQueue(), (queue, { family, resourceId }, data) => {
      seen.push({ family, resourceId, data: read(data, names) });
      return queue.nfq_set_verdict(data.nfq_get_msg_packet_hdr()?.packetId ?? 0, NF_ACCEPT);
    });
    queue.nfq_set_queue_flags(NFQA_CFG_F_UID_GID, NFQA_CFG_F_UID_GID);
    queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);
    const match = udpTo(receiver.port);
    using _mark = new Rule({
      ...{ family, table: "mangle", chain: "OUTPUT", match },
      jump: ["MARK", "--set-mark", "0xfedcba98"],
    });
    using _rule = queueRule(queue.number, { family, chain: "OUTPUT", match });
    await receiver.sendAll(["hello", "second"], receiver);
    assert.deepEqual([serveOne(handle), serveOne(handle)], [0, 0]);
    assert.deepEqual(await receiver.take(2), ["hello", "second"]);
    const [packet, second] = seen;
    assert.ok(packet && second);
    const hwProtocol = family === 4 ? 0x0800 : 0x86dd;
    assert.equal(packet.family, family === 4 ? 2 : 10);
    assert.equal(packet.resourceId, queue.number);
    const { payload, xml, ...rest } = packet.data;
    assert.deepEqual(rest, {
      header: { packetId: 1, hwProtocol, hook: 3 },
      mark: 0xfedcba98,
      timestamp: undefined,
      devices: [0, 1, 0, 0],
      names: ["*", "lo", "*", "*"],
      hardware: undefined,
      skbinfo: 0,
      uid: outerId("uid"),
      gid: outerId("gid"),
      secctx: undefined,
    });
    assert.equal(second.data.header?.packetId, 2);
    assert.equal(udpText(payload), "hello");
    assert.equal(udpText(second.data.payload), "second");
    assert.equal(payload.length, ipHeaderLength(payload) + 8 + 5);
    assert.equal(element(xml, "hook"), "3");
    assert.equal(element(xml, "id"), "1");
    assert.equal(element(xml, "proto"), hwProtocol.toString(16).padStart(4, "0"));
    assert.equal(element(xml, "mark"), String(0xfedcba98));
    assert.equal(element(xml, "outdev"), "1");
    assert.equal(element(xml, "uid"), String(outerId("uid")));
    assert.equal(element(xml, "gid"), String(outerId("gid")));
    assert.equal(element(xml, "payload"), hex(payload));
  });
}

test("a packet that comes in: hardware address, time, device", { timeout }, async () => {
  using namespace = new Namespace();
  using cable = new Cable(namespace);
  using handle = NfqHandle.nfq_open();
  using names = NlifHandle.nlif_open();
  names.nlif_query();
  const seen: ReturnType<typeof read>[] = [];
  const queue = handle.nfq_create_queue(nextQueue(), (queue, _message, data) => {
    seen.push(read(data, names));
    return queue.nfq_set_verdict(data.nfq_get_msg_packet_hdr()?.packetId ?? 0, NF_ACCEPT);
  });
  queue.nfq_set_mode(NFQNL_COPY_PACKET, 0xffff);
  using _rule = queueRule(queue.number, {
    chain: "INPUT",
    match: ["-i", cable.device, "-p", "icmp"],
  });
  const before = Date.now();
  await using _serving = new Serving(handle);
  // ping asks for time stamps, so the kernel takes them, from a moment after its start until its end.
  const result = await ping(cable.address, { prefix: namespace.prefix, count: 20 });
  assert.equal(result.received, 20);
  const packet = seen.at(-1);
  assert.ok(packet);
  assert.equal(packet.header?.hook, 1);
  assert.deepEqual(packet.devices, [cable.index, 0, 0, 0]);
  assert.deepEqual(packet.names, [cable.device, "*", "*", "*"]);
  const address = cable.farHardwareAddress.replaceAll(":", "");
  assert.equal(hex(packet.hardware), address);
  assert.equal(element(packet.xml, "src"), address);
  assert.equal(element(packet.xml, "indev"), String(cable.index));
  assert.ok(packet.timestamp);
  const { seconds, microseconds } = packet.timestamp;
  assert.ok(microseconds >= 0 && microseconds < 1_000_000);
  const arrived = seconds * 1000 + microseconds / 1000;
  assert.ok(arrived > before - 5000 && arrived < Date.now() + 5000, `arrived at ${arrived}`);
});

test("the security context needs a kernel that labels packets", { timeout }, () => {
  using handle = NfqHandle.nfq_open();
  const queue = handle.nfq_create_queue(nextQueue(), null);
  // Where the kernel has no such thing it refuses the flag; where it has, packets without a label
  // (the test above) have none to tell.
  try {
    queue.nfq_set_queue_flags(NFQA_CFG_F_SECCTX, NFQA_CFG_F_SECCTX);
  } catch (error) {
    assert.ok(error instanceof SystemError);
    assert.equal(error.code, "EOPNOTSUPP");
  }
});

test("everything at once, from a message made by hand", { timeout }, () => {
  const payload = Uint8Array.from({ length: 300 }, (_, index) => index);
  const message = {
    ...{ id: 0xfffffffe, hwProtocol: 0x86dd, hook: 4, mark: 0x80000001 },
    timestamp: { seconds: 0x1_2345_6789, microseconds: 999_999 },
    ...{ inDeviceIndex: 1, outDeviceIndex: 0xfffffff0 },
    ...{ physicalInDeviceIndex: 77, physicalOutDeviceIndex: 1 },
    hardwareAddress: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    ...{ skbInfo: 5, uid: 0xffffffff, gid: 1001, securityContext: "system_u:object_r:web_t" },
    payload,
  };
  const { xml, ...rest } = fromMessage(message as never, read);
  assert.deepEqual(rest, {
    header: { packetId: 0xfffffffe, hwProtocol: 0x86dd, hook: 4 },
    mark: 0x80000001,
    timestamp: { seconds: 0x1_2345_6789, microseconds: 999_999 },
    devices: [1, 0xfffffff0, 77, 1],
    names: ["lo", undefined, undefined, "lo"],
    hardware: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    skbinfo: 5,
    uid: 0xffffffff,
    gid: 1001,
    secctx: "system_u:object_r:web_t",
    payload,
  });
  assert.equal(element(xml, "payload"), hex(payload));
  assert.equal(element(xml, "src"), "0102030405060708");
  assert.equal(element(xml, "physindev"), "77");
});

test("nothing at all, from a message with a header alone", { timeout }, () => {
  const { xml, ...rest } = fromMessage({}, read);
  assert.deepEqual(rest, {
    header: { packetId: 1, hwProtocol: 0x0800, hook: 3 },
    mark: 0,
    timestamp: undefined,
    devices: [0, 0, 0, 0],
    names: ["*", "*", "*", "*"],
    hardware: undefined,
    ...{ skbinfo: 0, uid: undefined, gid: undefined, secctx: undefined },
    payload: new Uint8Array(),
  });
  assert.match(xml, /^<pkt>.*<\/pkt>$/);
});

test("the XML holds what its flags ask for", { timeout }, () => {
  const message = {
    ...{ mark: 5, inDeviceIndex: 1, physicalInDeviceIndex: 2, uid: 3, gid: 4 },
    ...{ hardwareAddress: Uint8Array.of(1, 2, 3, 4, 5, 6), payload: new Uint8Array([0xab]) },
  };
  const flags = {
    src: NFQ_XML_HW,
    mark: NFQ_XML_MARK,
    indev: NFQ_XML_DEV,
    physindev: NFQ_XML_PHYSDEV,
    payload: NFQ_XML_PAYLOAD,
    year: NFQ_XML_TIME,
    uid: NFQ_XML_UID,
    gid: NFQ_XML_GID,
  };
  fromMessage({ ...message, securityContext: "label" } as never, (data) => {
    for (const [name, flag] of Object.entries(flags)) {
      const xml = data.nfq_snprintf_xml(flag);
      for (const other of Object.keys(flags)) {
        assert.equal(xml.includes(`<${other}>`), other === name, `${name}: ${other} in ${xml}`);
      }
    }
    // 1.0.5 has the flag, but writes nothing for it.
    assert.match(data.nfq_snprintf_xml(NFQ_XML_SECCTX), /^<pkt>.*<\/pkt>$/);
    assert.throws(() => data.nfq_snprintf_xml(-1), RangeError);
    assert.throws(() => data.nfq_snprintf_xml(2 ** 32), RangeError);
  });
});

test("the XML of the longest packet is whole", { timeout }, () => {
  const payload = Uint8Array.from({ length: 65_531 }, (_, index) => index * 7);
  const xml = fromMessage({ payload }, (data) => data.nfq_snprintf_xml(NFQ_XML_PAYLOAD));
  assert.equal(element(xml, "payload"), hex(payload));
});

test("after the callback every use throws; what it gave stays good", { timeout }, async () => {
  using handle = NfqHandle.nfq_open();
  using names = NlifHandle.nlif_open();
  let kept: NfqData | undefined;
  let payload: Uint8Array | undefined;
  const queue = handle.nfq_create_queue(nextQueue(), (_queue, _message, data) => {
    kept = data;
    payload ??= data.nfq_get_payload();
    assert.throws(() => data.nfq_get_indev_name({} as NlifHandle), TypeError);
  });
  const bytes = packetMessage(queue.number, { payload: new Uint8Array(50).fill(7) });
  assert.equal(handle.nfq_handle_packet(bytes), 0);
  const data = kept;
  assert.ok(data);
  const methods = Object.getOwnPropertyNames(NfqData.prototype).filter((name) =>
    name !== "constructor"
  );
  assert.equal(methods.length, 18);
  const callAll = () => {
    for (const name of methods) {
      const method = Reflect.get(data, name) as (names: NlifHandle) => unknown;
      // What wants flags gets the default.
      const use = () =>
        name === "nfq_snprintf_xml" ? data.nfq_snprintf_xml() : method.call(data, names);
      assert.throws(use, HandleClosedError, name);
    }
  };
  callAll();
  handle.nfq_handle_packet(packetMessage(queue.number, { payload: new Uint8Array(50).fill(8) }));
  callAll();
  handle.nfq_close();
  await collectGarbage();
  callAll();
  assert.deepEqual(payload, new Uint8Array(50).fill(7));
});
