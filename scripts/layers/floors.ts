/**
 * What each folder may import, besides itself: other floors, and single files. The table "Floors" of
 * ARCHITECTURE.md says the same; tests/scripts/floors.test.ts compares the two. A floor that the table calls "later" has no folder
 * yet.
 */
export const FLOORS: Readonly<Record<string, readonly string[]>> = {
  "ffi/libraries/": ["ffi/"],
  "ffi/": [],
  "src/base/": [],
  "src/packet/": ["src/base/"],
  "src/netlink/": ["src/base/"],
  "src/linux/": ["ffi/", "src/base/"],
  "src/nfqueue/": ["ffi/", "src/linux/", "src/netlink/", "src/base/"],
  "src/answer/": ["src/packet/", "src/linux/", "src/base/", "ffi/"],
  "src/queue/": [
    ...["src/answer/", "src/nfqueue/", "src/linux/", "src/netlink/", "src/packet/", "src/base/"],
    "ffi/",
  ],
  "src/process/": [
    ...["src/queue/", "src/linux/", "src/netlink/", "src/packet/", "src/base/", "ffi/"],
  ],
  "src/ipq/": ["src/nfqueue/", "src/linux/", "src/netlink/", "src/base/", "ffi/"],
  "src/libnetfilter_queue/": ["src/linux/", "src/base/", "ffi/"],
  "src/capture/": ["src/packet/", "src/base/"],
  "src/identify/": ["src/base/", "ffi/crypto.ts"],
  "src/streams/": ["src/packet/", "src/base/"],
  "src/rules/": ["src/nfqueue/", "src/linux/", "src/netlink/", "src/base/", "ffi/"],
  "src/filter/": ["src/queue/", "src/rules/", "src/nfqueue/", "src/linux/", "src/base/", "ffi/"],
  "src/testing/": [
    ...["src/queue/", "src/filter/", "src/rules/", "src/nfqueue/", "src/linux/", "src/netlink/"],
    ...["src/packet/", "src/base/", "ffi/"],
  ],
  "src/cli/": ["mod.ts", "ffi/", "src/"],
  "mod.ts": ["src/"],
};

/** The floor of a file; the longest name that fits, as `ffi/libraries/` is inside `ffi/`. */
export function floorOf(file: string): string | undefined {
  return Object.keys(FLOORS).find((floor) => file.startsWith(floor));
}
