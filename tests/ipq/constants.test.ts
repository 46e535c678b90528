// The constants beside the numbers of the kernel's headers, and beside those of the wire format.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as constants from "../../src/ipq/constants.ts";
import { IPQ_COPY, IPQM } from "../../src/netlink/ip_queue/messages.ts";
import { NLMSG } from "../../src/netlink/message.ts";
import { NF_VERDICT } from "../../src/netlink/queue/numbers.ts";

test("every constant has the kernel's number", { timeout: 5000 }, () => {
  assert.deepEqual({ ...constants }, {
    IPQ_COPY_NONE: 0,
    IPQ_COPY_META: 1,
    IPQ_COPY_PACKET: 2,
    IPQ_COPY_MAX: 2,
    IPQM_BASE: 16,
    IPQM_MODE: 17,
    IPQM_VERDICT: 18,
    IPQM_PACKET: 19,
    IPQM_MAX: 20,
    NLMSG_ERROR: 2,
    NF_DROP: 0,
    NF_ACCEPT: 1,
    NF_STOLEN: 2,
    NF_QUEUE: 3,
    NF_REPEAT: 4,
    NF_STOP: 5,
    NF_MAX_VERDICT: 5,
    NF_INET_PRE_ROUTING: 0,
    NF_INET_LOCAL_IN: 1,
    NF_INET_FORWARD: 2,
    NF_INET_LOCAL_OUT: 3,
    NF_INET_POST_ROUTING: 4,
    NFPROTO_UNSPEC: 0,
    NFPROTO_INET: 1,
    NFPROTO_IPV4: 2,
    NFPROTO_ARP: 3,
    NFPROTO_NETDEV: 5,
    NFPROTO_BRIDGE: 7,
    NFPROTO_IPV6: 10,
    PF_INET: 2,
    PF_INET6: 10,
  });
});

test("the constants and the tables of the wire format are the same", { timeout: 5000 }, () => {
  const tables = { IPQM, IPQ_COPY, NF: NF_VERDICT, NLMSG: { ERROR: NLMSG.ERROR } };
  for (const [prefix, table] of Object.entries(tables)) {
    for (const [name, value] of Object.entries(table)) {
      assert.equal(
        Object.entries(constants).find(([key]) => key === `${prefix}_${name}`)?.[1],
        value,
      );
    }
  }
});
