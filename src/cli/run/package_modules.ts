// This package's entries by the names that a filter imports them by, wherever the filter lies. A test
// compares them with deno.json.
import type { ServedModule } from "../../../ffi/types.ts";
import { PACKAGE } from "../package/own_place.ts";

// What is published has JavaScript in the place of this file.
const extension = import.meta.url.slice(import.meta.url.lastIndexOf("."));

/** @param path the module's, from here, without its extension */
const served = (path: string, load: () => Promise<object>): ServedModule => ({
  url: new URL(path + extension, import.meta.url).href,
  load,
});

/** Each with its address, and how it is loaded. */
export const MODULES: Readonly<Record<string, ServedModule>> = {
  [PACKAGE]: served("../../../mod", () => import("../../../mod.ts")),
  [`${PACKAGE}/ipq`]: served("../../ipq/mod", () => import("../../ipq/mod.ts")),
  [`${PACKAGE}/libnetfilter_queue`]: served(
    "../../libnetfilter_queue/mod",
    () => import("../../libnetfilter_queue/mod.ts"),
  ),
  [`${PACKAGE}/packet`]: served("../../packet/mod", () => import("../../packet/mod.ts")),
  [`${PACKAGE}/netlink`]: served("../../netlink/mod", () => import("../../netlink/mod.ts")),
  [`${PACKAGE}/capture`]: served("../../capture/mod", () => import("../../capture/mod.ts")),
  [`${PACKAGE}/identify`]: served("../../identify/mod", () => import("../../identify/mod.ts")),
  [`${PACKAGE}/streams`]: served("../../streams/mod", () => import("../../streams/mod.ts")),
  [`${PACKAGE}/testing`]: served("../../testing/mod", () => import("../../testing/mod.ts")),
};
