#!/usr/bin/env bun
/**
 * The command `nfqueue`. It runs only as the main module: `deno run src/cli/main.ts`,
 * `bun src/cli/main.ts`, or as the program `nfqueue` of the installed package.
 *
 * @module
 */

import { runProcess } from "./process.ts";

// It is not awaited: while a main module waits, an error that nobody catches ends no process of Bun.
if (import.meta.main) void runProcess();
