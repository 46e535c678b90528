// This package's entries by the names that a filter imports them by, wherever the filter lies. A test
// compares them with deno.json.
import { PACKAGE } from "../package/own_place.ts";

/** How each is loaded. */
export const MODULES: Readonly<Record<string, () => Promise<object>>> = {
  [PACKAGE]: () => import("../../../mod.ts"),
  [`${PACKAGE}/ipq`]: () => import("../../ipq/mod.ts"),
  [`${PACKAGE}/libnetfilter_queue`]: () => import("../../libnetfilter_queue/mod.ts"),
  [`${PACKAGE}/packet`]: () => import("../../packet/mod.ts"),
  [`${PACKAGE}/netlink`]: () => import("../../netlink/mod.ts"),
  [`${PACKAGE}/capture`]: () => import("../../capture/mod.ts"),
  [`${PACKAGE}/identify`]: () => import("../../identify/mod.ts"),
  [`${PACKAGE}/streams`]: () => import("../../streams/mod.ts"),
  [`${PACKAGE}/testing`]: () => import("../../testing/mod.ts"),
};
