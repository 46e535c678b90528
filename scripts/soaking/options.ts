/** What scripts/soak was asked for. */
import process from "node:process";
import { parseArgs } from "node:util";
import { mayChangeUser } from "../../tests/support/network/isolation.ts";
import { FAULTS } from "./faults.ts";
import { LIES, WAYS } from "./order.ts";

const CHOICES = {
  runtime: ["deno", "bun"],
  fault: FAULTS.map(({ name }) => name),
  way: [...WAYS] as string[],
  consumer: ["honest", ...LIES.filter((lie) => lie !== "none")],
};

function parseOptions() {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "10" },
      seconds: { type: "string" },
      seed: { type: "string", default: "1" },
      runtime: { type: "string", multiple: true, default: CHOICES.runtime },
      fault: { type: "string", multiple: true, default: CHOICES.fault },
      way: { type: "string", multiple: true, default: CHOICES.way },
      consumer: { type: "string", default: "honest" },
      user: { type: "boolean", default: false },
    },
  });
  for (const name of ["runtime", "fault", "way", "consumer"] as const) {
    const wrong = [values[name]].flat().find((value) => !CHOICES[name].includes(value));
    if (wrong === undefined) continue;
    throw new TypeError(`--${name} ${wrong}: one of ${CHOICES[name].join("; ")}`);
  }
  const within = (name: string, value: string, least: number, most: number): number => {
    if (Number(value) >= least && Number(value) <= most) return Number(value);
    throw new RangeError(`--${name} ${value}: between ${least} and ${most}`);
  };
  const minutes = within("minutes", values.minutes, 0.1, 24 * 60);
  const { seconds } = values;
  if (values.user && !mayChangeUser()) {
    throw new Error("--user needs real root: in this user namespace there is no other user");
  }
  return {
    ...values,
    seed: within("seed", values.seed, 0, 0xffffffff),
    seconds: seconds === undefined ? minutes * 60 : within("seconds", seconds, 1, 24 * 3600),
    lie: LIES.find((lie) => lie === values.consumer) ?? "none",
  };
}

export const options: ReturnType<typeof parseOptions> = (() => {
  try {
    return parseOptions();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\nscripts/soak --help`);
    process.exit(2);
  }
})();

/** A variable that scripts/soak sets. */
export function environment(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run scripts/soak`);
  return value;
}
