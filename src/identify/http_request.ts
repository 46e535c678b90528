import { checkBytes } from "../base/checks.ts";
import { type Identified, MORE, MOST_BYTES, OTHER } from "./result.ts";
import { byteText, hostName, lowerCase } from "./text.ts";

/** The head of a request of HTTP/1.0 or 1.1 (RFC 9112). Texts have one character a byte. */
export interface HttpRequest {
  /** As it is sent: methods are case-sensitive. */
  readonly method: string;
  /** As it is sent: `"/path?query"`, `"http://host/path"`, `"host:port"` or `"*"`. */
  readonly target: string;
  /** `"1.1"` or `"1.0"`. */
  readonly version: string;
  /**
   * The host that is asked for, without a port, in lower case and without a last dot: of the target
   * where that names one, else of the header `host`. undefined where neither does. IPv6 addresses are
   * in brackets.
   */
  readonly host: string | undefined;
  /**
   * The header fields, by name in lower case. Values of one name are joined by `", "` (RFC 9110, 5.3),
   * those of `cookie` by `"; "`.
   */
  readonly headers: Record<string, string>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const REQUEST = new RegExp(`^(${TOKEN})[ \t]+([^\0- \x7f]+)[ \t]+HTTP/(1\\.[0-9])[ \t]*$`);
/** What may become a request line. */
const BEGINNING = new RegExp(`^(?:\r|${TOKEN}(?:[ \t][^\0-\x08\n-\x1f\x7f]*\r?)?)?$`);
const NAME = new RegExp(`^${TOKEN}$`);
// deno-lint-ignore no-control-regex
const VALUE = /^[^\0-\x08\n-\x1f\x7f]*$/;
/** Of a URI: its authority without the user (RFC 3986, 3.2). */
const AUTHORITY = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/(?:[^/?#]*@)?([^/?#@]*)/;
/** A host, and a port or none. */
const HOST = /^(\[[^\]]*\]|[^:]*)(?::[0-9]*)?$/;

const blank = (character: string | undefined) => character === " " || character === "\t";

function trimmed(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && blank(text[from])) from++;
  while (to > from && blank(text[to - 1])) to--;
  return text.slice(from, to);
}

/** The host of `host:port`. */
function withoutPort(authority: string): string | undefined {
  const host = HOST.exec(authority)?.[1] ?? authority;
  return host === "" ? undefined : hostName(host);
}

function hostOf(method: string, target: string, header: string | undefined): string | undefined {
  const authority = method === "CONNECT" ? target : AUTHORITY.exec(target)?.[1] ?? header;
  return authority === undefined ? undefined : withoutPort(authority);
}

/** Adds a header line; false where it is none that a server may take. */
function addHeader(headers: Map<string, string>, line: string): boolean {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(colon, 0));
  const value = trimmed(line.slice(colon + 1));
  if (!NAME.test(name) || !VALUE.test(value)) return false;
  const key = lowerCase(name);
  const before = headers.get(key);
  // Two hosts are for two readers (RFC 9112, 3.2).
  if (key === "host" && before !== undefined) return false;
  const separator = key === "cookie" ? "; " : ", ";
  headers.set(key, before === undefined ? value : before + separator + value);
  return true;
}

/**
 * Reads the head of the HTTP/1 request with which a connection begins.
 *
 * A line may end with LF alone, and empty lines may come before the request (RFC 9112, 2.2). What a
 * server must refuse is no request (`"other"`): a folded header line, a blank before the colon, a
 * second `host`, control characters. So is HTTP/0.9, the beginning of HTTP/2 (`PRI * HTTP/2.0`), and a
 * head of more than 64 KiB.
 *
 * @param bytes all that the client has sent so far
 * @returns `"found"` with what is asked, once the empty line behind the head has come; `"more"` before
 * @throws {TypeError} when `bytes` is not a Uint8Array; never because of what it holds
 * @example
 * ```ts
 * import { httpRequest } from "@nfqueue/nfqueue/identify";
 *
 * const head = "GET /index.html HTTP/1.1\r\nHost: Example.com:8080\r\n\r\n";
 * const result = httpRequest(new TextEncoder().encode(head));
 * if (result.status === "found") console.log(result.method, result.host); // GET example.com
 * ```
 */
export function httpRequest(bytes: Uint8Array): Identified<HttpRequest> {
  const given = checkBytes("bytes", bytes);
  const text = byteText(given, 0, Math.min(given.length, MOST_BYTES));
  const incomplete = given.length < MOST_BYTES ? MORE : OTHER;
  let at = /^(?:\r?\n)*/.exec(text)![0].length;
  const nextLine = (): string | undefined => {
    const end = text.indexOf("\n", at);
    if (end < 0) return undefined;
    const line = text.slice(at, text[end - 1] === "\r" && end > at ? end - 1 : end);
    at = end + 1;
    return line;
  };
  const first = nextLine();
  if (first === undefined) return BEGINNING.test(text.slice(at)) ? incomplete : OTHER;
  const [, method, target, version] = REQUEST.exec(first) ?? [];
  if (method === undefined || target === undefined || version === undefined) return OTHER;
  const headers = new Map<string, string>();
  for (let line = nextLine(); line !== ""; line = nextLine()) {
    if (line === undefined) return incomplete;
    if (!addHeader(headers, line)) return OTHER;
  }
  return {
    status: "found",
    ...{ method, target, version, host: hostOf(method, target, headers.get("host")) },
    // Also a name such as "__proto__" is but a name.
    headers: Object.fromEntries(headers),
  };
}
