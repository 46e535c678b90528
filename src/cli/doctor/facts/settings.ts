// Settings of this network namespace that change the way of packets.
import { libc } from "../../../../ffi/libraries/libc.ts";
import { NativeMemory } from "../../../../ffi/memory.ts";
import { textOf } from "../../../../ffi/memory.ts";
import { readFolder } from "../../../linux/directories.ts";
import { readSystemFile } from "../../../linux/files.ts";
import type { SettingsFact } from "../terms/facts.ts";

const AF_INET = 2;
const SOCK_DGRAM = 2 | 0o2000000;
const SIOCETHTOOL = 0x8946n;
const ETHTOOL_GDRVINFO = 3;
/** struct ifreq: the name, then a pointer to struct ethtool_drvinfo: command, driver[32], … */
const IFREQ = { size: 40, data: 16 } as const;
const DRIVER_INFO = { size: 196, driver: 4, driverLength: 32 } as const;

/** Reads them all. */
export function settingsFact(): SettingsFact {
  const number = (path: string) => Number(readSystemFile(`/proc/sys/net/${path}`).text ?? 0);
  const devices = deviceNames();
  const all = number("ipv4/conf/all/rp_filter");
  const filtered = (value: number) =>
    devices.filter((name) =>
      // The stricter one of the two counts, and strict is not the larger one.
      Math.max(all, number(`ipv4/conf/${name}/rp_filter`)) === value
    );
  return {
    reversePath: { strict: filtered(1), loose: filtered(2) },
    bridges: devices.filter((name) => driverOf(name) === "bridge"),
    bridgeNetfilter: {
      ip: number("bridge/bridge-nf-call-iptables") === 1,
      ip6: number("bridge/bridge-nf-call-ip6tables") === 1,
    },
  };
}

/** Of this network namespace, which /sys may not be. */
function deviceNames(): readonly string[] {
  return readFolder("/proc/sys/net/ipv4/conf").names
    ?.filter((name) => name !== "all" && name !== "default") ?? [];
}

function driverOf(device: string): string {
  const { socket, ioctl, close } = libc();
  const request = new Uint8Array(new ArrayBuffer(IFREQ.size));
  // A / in a name is a . in the folder's; such devices are not looked at.
  request.set(new TextEncoder().encode(device).subarray(0, IFREQ.data - 1));
  const info = new NativeMemory(DRIVER_INFO.size);
  info.view.setUint32(0, ETHTOOL_GDRVINFO, true);
  info.storeAddress(0, { view: new DataView(request.buffer), position: IFREQ.data });
  const descriptor = socket(AF_INET, SOCK_DGRAM, 0);
  if (descriptor < 0) return "";
  const result = ioctl(descriptor, SIOCETHTOOL, request);
  close(descriptor);
  const { driver, driverLength } = DRIVER_INFO;
  return result < 0 ? "" : textOf(info.bytes.subarray(driver, driver + driverLength));
}
