// From facts to findings.
import { backend } from "../../../ffi/backend.ts";
import { LibraryLoadError } from "../../linux/library_errors.ts";
import { judge } from "./checks.ts";
import { checkRuntime } from "./checks/runtime.ts";
import { runtimeFact } from "./facts/runtime.ts";
import { gather } from "./gather.ts";
import { error, type Finding } from "./terms/finding.ts";

/** Looks at this machine and this process. */
export async function examine(): Promise<readonly Finding[]> {
  const obstacle = forbidden();
  return obstacle === undefined ? judge(await gather()) : [obstacle];
}

/** Without C nothing at all can be looked at. */
function forbidden(): Finding | undefined {
  try {
    backend();
    return undefined;
  } catch (cause) {
    const { name, version } = runtimeFact();
    if (name === "Node") {
      const [found] = checkRuntime({ runtime: { name, version } });
      if (found !== undefined && found.severity !== "ok") return found;
      const advice = "node --allow-ffi …, or without --permission and --no-experimental-ffi.";
      return error(
        "no-ffi-permission",
        "Node was started without FFI, so C cannot be called.",
        advice,
      );
    }
    if (cause instanceof LibraryLoadError) {
      const advice =
        "deno run --allow-ffi --allow-read --allow-env … (--allow-ffi without a path).";
      return error(
        "no-ffi-permission",
        "Deno was started without --allow-ffi, so C cannot be called.",
        advice,
      );
    }
    const advice =
      "Run it with Deno (deno run --allow-ffi --allow-read --allow-env …) or with Bun, or with Node 26.9.";
    return error("runtime-unknown", `${name} cannot call C as this library needs it.`, advice);
  }
}
