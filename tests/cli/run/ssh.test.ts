// Rules that catch the SSH connection of the person who installs them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { catchesSsh } from "../../../src/cli/run/ssh.ts";
import { parseRule } from "../../../src/cli/words/rule_words.ts";

const limit = { timeout: 20_000 };
const IPV4 = "192.0.2.7 50000 198.51.100.1 22";
const IPV6 = "2001:db8::7 50000 2001:db8::1 2222";

/** Rules without bypass, and whether they catch each of the two connections. */
const RULES: readonly (readonly [rule: string, ipv4: boolean, ipv6: boolean])[] = [
  ["input", true, true],
  ["output", true, true],
  ["prerouting", true, true],
  ["postrouting", true, true],
  ["forward", false, false],
  ["forward,input", true, true],
  ["input protocol=tcp", true, true],
  ["input protocol=udp", false, false],
  ["input protocol=6", true, true],
  ["input protocol=udp,tcp", true, true],
  ["input family=ipv4", true, false],
  ["input family=ipv6", false, true],
  ["input destinationPort=22", true, false],
  ["input destinationPort=22,2222", true, true],
  ["input destinationPort=2000-3000", false, true],
  ["output sourcePort=22", true, false],
  ["output destinationPort=22", false, false],
  ["output destinationPort=50000", true, true],
  ["input sourcePort=22", false, false],
  ["input source=192.0.2.0/24", true, false],
  ["input source=192.0.2.7", true, false],
  ["input source=192.0.2.8/29", false, false],
  ["input source=192.0.2.0-192.0.2.6", false, false],
  ["input source=192.0.2.0-192.0.2.7", true, false],
  ["input source=2001:db8::/32", false, true],
  ["input destination=2001:db8::-2001:db8::1", false, true],
  ["output destination=192.0.2.7", true, false],
  ["output source=192.0.2.7", false, false],
  ["input state=new", false, false],
  ["input state=new,established", true, true],
  ["input not.destinationPort=22", false, true],
  ["input not.destinationPort=80", true, true],
  ["input not.source=192.0.2.0/24", false, true],
  ["input not.protocol=tcp", false, false],
  ["input not.protocol=udp", true, true],
  // Nobody here can tell, so somebody is warned.
  ["input inDevice=eth0", true, true],
  ["input not.inDevice=eth0", true, true],
  ["output user=0", true, true],
  ["input mark=5", true, true],
  ["input firstPackets=6", false, false],
];

test("a rule without bypass catches the connection, or does not", limit, () => {
  for (const [line, ipv4, ipv6] of RULES) {
    const rule = parseRule(`${line} bypass=false`);
    assert.equal(catchesSsh(rule, IPV4), ipv4, `${line}, IPv4`);
    assert.equal(catchesSsh(rule, IPV6), ipv6, `${line}, IPv6`);
    assert.equal(catchesSsh(parseRule(line), IPV4), false, "with bypass none does");
  }
});

test("a variable that holds no connection is no reason to warn", limit, () => {
  const rule = parseRule("input bypass=false");
  for (const text of ["", " ", "x", "1.2.3.4 5", "a b c d", "1.2.3.4 0 1.2.3.4 0", "::x 1 ::y 2"]) {
    assert.equal(catchesSsh(rule, text), false, text);
  }
});
