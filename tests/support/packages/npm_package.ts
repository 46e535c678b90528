/**
 * The npm package as it would be published, and a registry on loopback that has it.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import process from "node:process";
import { BareProject, repository } from "./bare_project.ts";

/** Where it is: unpacked, and as a tarball. */
export interface NpmPackage {
  readonly folder: string;
  readonly tarball: string;
}

/** package.json, as far as tests look at it. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly [field: string]: unknown;
}

/** The built package's package.json. */
export function manifestOf({ folder }: NpmPackage): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}

/**
 * Builds it once for all that share NFQUEUE_SCRATCH: both runtimes, in one run of scripts/test.
 * NFQUEUE_NPM names the folder of one that was built before, such as dnt's.
 */
export async function npmPackage(): Promise<NpmPackage> {
  const { NFQUEUE_SCRATCH: scratch, NFQUEUE_NPM: given } = process.env;
  if (scratch === undefined) throw new Error("run through scripts/test, which has room for it");
  const made = { folder: given ?? join(scratch, "npm"), tarball: join(scratch, "nfqueue.tgz") };
  // The tarball comes last and at once: where it is, all is there.
  if (existsSync(made.tarball)) return made;
  using project = new BareProject({});
  const script = join(repository, "scripts/build_npm_pack.ts");
  if (given === undefined) {
    await project.must("deno", ["run", "--no-check", "--allow-all", script, made.folder]);
  }
  const { name, version } = manifestOf(made);
  const words = ["pm", "pack", "--ignore-scripts", "--cwd", made.folder, "--destination", scratch];
  await project.must("bun", words);
  const file = `${name.slice(1).replace("/", "-")}-${version}.tgz`;
  renameSync(join(scratch, file), made.tarball);
  return made;
}

/** A registry with this one package. Nothing else leaves or reaches this machine. */
export class Registry implements AsyncDisposable {
  readonly #server: Server;
  /** What was asked for. */
  readonly paths: string[] = [];

  private constructor(made: NpmPackage) {
    const manifest = manifestOf(made);
    const tarball = readFileSync(made.tarball);
    const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
    this.#server = createServer((request, response) => {
      const path = decodeURIComponent(request.url ?? "");
      this.paths.push(path);
      if (path === "/nfqueue.tgz") return void response.end(tarball);
      if (path !== `/${manifest.name}`) return void response.writeHead(404).end("{}");
      const dist = { tarball: `${this.address}nfqueue.tgz`, integrity };
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({
        name: manifest.name,
        "dist-tags": { latest: manifest.version },
        versions: { [manifest.version]: { ...manifest, dist } },
      }));
    });
  }

  static async open(made: NpmPackage): Promise<Registry> {
    const registry = new Registry(made);
    await new Promise<void>((resolve) => registry.#server.listen(0, "127.0.0.1", resolve));
    return registry;
  }

  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("it is closed");
    return `http://127.0.0.1:${address.port}/`;
  }

  /** What makes Deno, Bun and npm ask here. */
  get environment(): Readonly<Record<string, string>> {
    return { NPM_CONFIG_REGISTRY: this.address, npm_config_registry: this.address };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** A project with the package in node_modules, by the tarball. */
export async function projectWith(
  made: NpmPackage,
  files: Readonly<Record<string, unknown>>,
): Promise<BareProject> {
  const project = new BareProject({ "package.json": { private: true, type: "module" }, ...files });
  try {
    await project.must("bun", ["add", made.tarball]);
    return project;
  } catch (error) {
    project[Symbol.dispose]();
    throw error;
  }
}
