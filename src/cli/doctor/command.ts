// `nfqueue doctor`: whether a filter would run here, and what would be in its way.
import { type Command, STATUS } from "../frame/command.ts";
import { examine } from "./examine.ts";
import { findingsText } from "./text.ts";

/** The command. */
export const doctor: Command = {
  summary: "says whether a filter would run here, and what is in its way",
  usage: "doctor [--json]",
  help: `Looks at the libraries, the kernel, the capability of this process, the rules and queues of
this network namespace, and at settings that change the way of packets. Nothing is changed.

  --json   prints { ok, findings: [{ code, severity, message, advice }] }

A code is stable. The severity is ok, note, warning or error.
The exit status is 0 without any error, else 1.`,
  options: { json: { type: "boolean" } },
  positionals: { least: 0, most: 0 },
  async run({ values }, around) {
    const findings = await examine();
    const ok = findings.every(({ severity }) => severity !== "error");
    around.write(
      values["json"] === true
        ? `${JSON.stringify({ ok, findings }, null, 2)}\n`
        : findingsText(findings, around),
    );
    return ok ? STATUS.done : STATUS.failed;
  },
};
