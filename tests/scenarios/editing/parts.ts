// What is changed in real packets beside single fields: payloads of other lengths, lists of options.
import assert from "node:assert/strict";
import { counting } from "../../packet/edits.ts";
import type { Change } from "./traffic.ts";

/**
 * Changes of length and structure.
 *
 * @param lengths of payloads
 */
export function partChanges(
  family: 4 | 6,
  lengths: readonly number[] = [0, 1, 8, 33, 100, 101, 1400, 9000, 30_000],
): Change[] {
  const changes: Change[] = [];
  for (const length of lengths) {
    changes.push({
      name: `a payload of ${length} bytes`,
      act: ({ tcp, udp, icmp, icmpv6 }) => {
        (tcp ?? udp ?? icmp ?? icmpv6)!.payload = counting(length);
      },
      check: ({ tcp, udp, icmp, icmpv6 }) => {
        assert.deepEqual([...(tcp ?? udp ?? icmp ?? icmpv6)!.payload], [...counting(length)]);
      },
    });
  }
  changes.push({
    name: "TCP options",
    act: ({ tcp }) => {
      if (tcp === undefined) return;
      tcp.mss = 536;
      tcp.windowScale = undefined;
      tcp.timestamps = { value: 7, echoReply: 0 };
      tcp.sackPermitted = true;
      tcp.optionList = [...tcp.optionList, { kind: 253, data: counting(3) }];
    },
    check: ({ tcp }) => {
      if (tcp === undefined) return;
      assert.deepEqual(tcp.optionList.map(({ kind }) => kind), [2, 8, 4, 253]);
      assert.deepEqual([tcp.mss, tcp.timestamps?.value], [536, 7]);
    },
  });
  if (family === 4) {
    changes.push({
      name: "IPv4 options",
      act: ({ ipv4 }) => ipv4!.optionList = [{ type: 148, data: new Uint8Array(2) }],
      check: ({ ipv4 }) => assert.deepEqual([...ipv4!.options], [148, 4, 0, 0]),
    }, {
      name: "protocol",
      act: ({ ipv4 }) => ipv4!.protocol = 253,
      check: ({ ipv4 }) => assert.equal(ipv4!.protocol, 253),
    });
  } else {
    changes.push({
      name: "extension headers",
      act: ({ ipv6 }) => {
        ipv6!.destinationOptions = [{ type: 0x1e, data: counting(9) }];
        ipv6!.hopByHopOptions = [{ type: 0x3e, data: counting(1) }];
        ipv6!.fragment = { offset: 0, moreFragments: false, identification: 0x12345678 };
      },
      check: ({ ipv6 }) => {
        assert.deepEqual(ipv6!.extensions.map(({ protocol }) => protocol), [0, 44, 60]);
        assert.equal(ipv6!.fragment?.identification, 0x12345678);
      },
    }, {
      name: "protocol",
      act: ({ ipv6 }) => ipv6!.protocol = 253,
      check: ({ ipv6 }) => assert.equal(ipv6!.protocol, 253),
    });
  }
  return changes;
}
