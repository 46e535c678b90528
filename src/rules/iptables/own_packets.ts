// Packets of this library's own in the chains of iptables: no rule queues them, some are rejected.
import { OWN_MARKS, REJECT_MARKS, type RejectedAs } from "../../linux/raw/own_marks.ts";
import type { TableName, Version } from "./plan.ts";

const hex = (number: number): string => `0x${number.toString(16)}`;
const IS_OWN = `-m mark --mark ${hex(OWN_MARKS.value)}/${hex(OWN_MARKS.mask)}`;
/** Packets of our own are queued by nobody. */
export const SKIP_OWN = `${IS_OWN} -j RETURN`;

/** Words of the target REJECT, by version of IP. */
const ANSWERS: Readonly<Record<RejectedAs, Readonly<Record<Version, string>>>> = {
  "tcp-reset": { 4: "tcp-reset", 6: "tcp-reset" },
  "port-unreachable": { 4: "icmp-port-unreachable", 6: "icmp6-port-unreachable" },
  "host-unreachable": { 4: "icmp-host-unreachable", 6: "icmp6-addr-unreachable" },
  "network-unreachable": { 4: "icmp-net-unreachable", 6: "icmp6-no-route" },
  "admin-prohibited": { 4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited" },
};

/** Lines of the chain that rejects. Only the table filter may have them. */
export function rejectLines({ version, table }: TableName): string[] {
  if (table !== "filter") return [];
  return (Object.keys(ANSWERS) as RejectedAs[]).map((reason) => {
    const protocol = reason === "tcp-reset" ? " -p tcp" : "";
    const mark = `-m mark --mark ${hex(REJECT_MARKS[reason])}`;
    return `${mark}${protocol} -j REJECT --reject-with ${ANSWERS[reason][version]}`;
  });
}

/** What stands first in a chain at a hook; `chain` is the one that rejects. */
export function firstLines(chain: string | undefined): string[] {
  return chain === undefined ? [SKIP_OWN] : [`${IS_OWN} -g ${chain}`];
}
