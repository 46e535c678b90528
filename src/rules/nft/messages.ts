// Messages of nf_tables: what nft's words have no way to say, and what is read back.
import { inside, readU64 } from "../../netlink/attribute_reader.ts";
import { AttributeWriter } from "../../netlink/attribute_writer.ts";
import {
  NETLINK_HEADER_SIZE,
  type NetlinkAttribute,
  netlinkAttributes,
  type NetlinkMessage,
  NFGENMSG_SIZE,
  NLM_F,
  writeHeader,
} from "../../netlink/message.ts";
import type { NftFamily } from "./lines.ts";
import {
  NFNL_MSG_BATCH,
  NFPROTO,
  NFT_MSG,
  NFT_REJECT_TCP_RST,
  NFT_TABLE_F_OWNER,
  NFTA_CHAIN,
  NFTA_COUNTER,
  NFTA_EXPR,
  NFTA_LIST_ELEM,
  NFTA_QUEUE,
  NFTA_REJECT,
  NFTA_RULE,
  NFTA_TABLE,
  NFTA_TARGET,
  NLM_F_DUMP,
  NLM_F_NEW,
  XT_NFQUEUE,
} from "./numbers.ts";

const HEADER_SIZE = NETLINK_HEADER_SIZE + NFGENMSG_SIZE;
const UNSPEC = 0;
const LAYER = "nf_tables attribute";
const COUNTS: Readonly<Record<number, "packets" | "bytes">> = {
  [NFTA_COUNTER.PACKETS]: "packets",
  [NFTA_COUNTER.BYTES]: "bytes",
};

/** A table of one family. */
export interface TableName {
  readonly family: NftFamily;
  readonly table: string;
}

/** A message whose number is not known yet. */
export type Request = (sequence: number) => Uint8Array;

function request(
  { type, flags = 0, family = UNSPEC, resource = 0 }: {
    readonly type: number;
    readonly flags?: number;
    readonly family?: number;
    readonly resource?: number;
  },
  fill: (writer: AttributeWriter) => void = () => {},
): Request {
  return (sequence) => {
    const writer = new AttributeWriter();
    fill(writer);
    const { written } = writer;
    const bytes = new Uint8Array(new ArrayBuffer(HEADER_SIZE + written.length));
    const view = new DataView(bytes.buffer);
    writeHeader(view, 0, bytes.length, type, NLM_F.REQUEST | flags, sequence);
    view.setUint8(NETLINK_HEADER_SIZE, family);
    view.setUint16(NETLINK_HEADER_SIZE + 2, resource, false);
    bytes.set(written, HEADER_SIZE);
    return bytes;
  };
}

const change = (
  type: number,
  { family, flags = NLM_F_NEW.CREATE }: { readonly family: NftFamily; readonly flags?: number },
  fill: (writer: AttributeWriter) => void,
): Request => request({ type, flags: NLM_F.ACK | flags, family: NFPROTO[family] }, fill);

/** The begin of a transaction. */
export const begin: Request = request({
  ...{ type: NFNL_MSG_BATCH.BEGIN, resource: NFNL_MSG_BATCH.SUBSYSTEM },
});
/** Its end. */
export const end: Request = request({
  ...{ type: NFNL_MSG_BATCH.END, resource: NFNL_MSG_BATCH.SUBSYSTEM },
});

/** Makes a table, for the socket that sends it alone if `owned`. */
export function newTable(
  { family, table }: TableName,
  { owned = false }: { readonly owned?: boolean } = {},
): Request {
  return change(NFT_MSG.NEWTABLE, { family }, (writer) => {
    writer.text(NFTA_TABLE.NAME, table);
    writer.u32(NFTA_TABLE.FLAGS, owned ? NFT_TABLE_F_OWNER : 0);
  });
}

/** Deletes a table with all that is in it. */
export function deleteTable({ family, table }: TableName): Request {
  return change(NFT_MSG.DELTABLE, { family, flags: 0 }, (writer) => {
    writer.text(NFTA_TABLE.NAME, table);
  });
}

/** Makes a chain that no hook leads to. */
export function newChain({ family, table }: TableName, chain: string): Request {
  return change(NFT_MSG.NEWCHAIN, { family }, (writer) => {
    writer.text(NFTA_CHAIN.TABLE, table);
    writer.text(NFTA_CHAIN.NAME, chain);
  });
}

/** The queues of a rule. */
export interface Target {
  readonly first: number;
  readonly last: number;
  readonly bypass: boolean;
  /** By processor. */
  readonly fanout: boolean;
}

/** Adds a rule with the xt target NFQUEUE, or with the statement of nf_tables' own. */
export function newQueueRule(
  { family, table, chain }: TableName & { readonly chain: string },
  { first, last, bypass, fanout }: Target,
  { kind }: { readonly kind: "target" | "queue" },
): Request {
  const total = last - first + 1;
  const flags = (bypass ? XT_NFQUEUE.BYPASS : 0) | (fanout ? XT_NFQUEUE.CPU_FANOUT : 0);
  const data: Readonly<Record<typeof kind, (writer: AttributeWriter) => void>> = {
    target: (writer) => {
      writer.text(NFTA_TARGET.NAME, XT_NFQUEUE.NAME);
      writer.u32(NFTA_TARGET.REV, XT_NFQUEUE.REVISION);
      writer.struct(NFTA_TARGET.INFO, XT_NFQUEUE.SIZE, (view, at) => {
        [first, total, flags].forEach((value, index) =>
          view.setUint16(at + 2 * index, value, true)
        );
      });
    },
    queue: (writer) => {
      writer.u16(NFTA_QUEUE.NUM, first);
      writer.u16(NFTA_QUEUE.TOTAL, total);
      writer.u16(NFTA_QUEUE.FLAGS, flags);
    },
  };
  return newRule({ family, table, chain }, kind, data[kind]);
}

/** Adds a rule that rejects by a TCP reset, or one that leaves packets out of connection tracking. */
export function newAnswerRule(
  chain: TableName & { readonly chain: string },
  kind: "reject" | "notrack",
): Request {
  return newRule(chain, kind, (writer) => {
    if (kind === "reject") writer.u32(NFTA_REJECT.TYPE, NFT_REJECT_TCP_RST);
  });
}

function newRule(
  { family, table, chain }: TableName & { readonly chain: string },
  statement: string,
  fill: (writer: AttributeWriter) => void,
): Request {
  return change(
    NFT_MSG.NEWRULE,
    { family, flags: NLM_F_NEW.CREATE | NLM_F_NEW.APPEND },
    (writer) => {
      writer.text(NFTA_RULE.TABLE, table);
      writer.text(NFTA_RULE.CHAIN, chain);
      writer.nest(NFTA_RULE.EXPRESSIONS, () => {
        writer.nest(NFTA_LIST_ELEM, () => {
          writer.text(NFTA_EXPR.NAME, statement);
          writer.nest(NFTA_EXPR.DATA, () => fill(writer));
        });
      });
    },
  );
}

/** Asks for all tables of all families. */
export const listTables: Request = request({ type: NFT_MSG.GETTABLE, flags: NLM_F_DUMP });

/** Asks for all rules of a table; older kernels answer with those of others too. */
export function listRules({ family, table }: TableName): Request {
  const type = NFT_MSG.GETRULE;
  return request({ type, flags: NLM_F_DUMP, family: NFPROTO[family] }, (writer) => {
    writer.text(NFTA_RULE.TABLE, table);
  });
}

/** A statement or a match of a rule, as the kernel has it. */
export interface Expression {
  /** `"cmp"`, `"payload"`, `"counter"`, … */
  readonly name: string;
  /** Types of the attributes that it has. */
  readonly attributes: ReadonlySet<number>;
  /** Of a counter. */
  readonly packets?: number;
  readonly bytes?: number;
}

/** A rule that was read. */
export interface ListedRule {
  readonly table: string;
  readonly chain: string;
  readonly expressions: readonly Expression[];
}

/** One for all: a listing has thousands of names. */
const DECODER = new TextDecoder();

/** A text without the NUL behind it. */
function textAt(view: DataView, { offset, length }: NetlinkAttribute): string {
  const end = length > 0 && view.getUint8(offset + length - 1) === 0 ? length - 1 : length;
  return DECODER.decode(new Uint8Array(view.buffer, view.byteOffset + offset, end));
}

function payload(view: DataView, { offset, length }: NetlinkMessage) {
  return netlinkAttributes(view, offset + HEADER_SIZE, offset + length, LAYER);
}

/** A table that was read. */
export interface ListedTable extends TableName {
  /** Whether an open socket owns it: nobody else can change it, and it goes with the socket. */
  readonly owned: boolean;
}

/** A table of a listing; undefined for another message, or a family that no rule is of. */
export function tableOf(view: DataView, message: NetlinkMessage): ListedTable | undefined {
  if (message.type !== NFT_MSG.NEWTABLE || message.length < HEADER_SIZE) return undefined;
  const number = view.getUint8(message.offset + NETLINK_HEADER_SIZE);
  const [family] = (Object.keys(NFPROTO) as NftFamily[]).filter((name) => NFPROTO[name] === number);
  if (family === undefined) return undefined;
  let [table, owned] = ["", false];
  for (const attribute of payload(view, message)) {
    if (attribute.type === NFTA_TABLE.NAME) table = textAt(view, attribute);
    else if (attribute.type === NFTA_TABLE.OWNER) owned = true;
  }
  return { family, table, owned };
}

/** A rule of a listing; undefined for another message. */
export function ruleOf(view: DataView, message: NetlinkMessage): ListedRule | undefined {
  if (message.type !== NFT_MSG.NEWRULE || message.length < HEADER_SIZE) return undefined;
  let [table, chain] = ["", ""];
  const expressions: Expression[] = [];
  for (const attribute of payload(view, message)) {
    if (attribute.type === NFTA_RULE.TABLE) table = textAt(view, attribute);
    else if (attribute.type === NFTA_RULE.CHAIN) chain = textAt(view, attribute);
    else if (attribute.type === NFTA_RULE.EXPRESSIONS) {
      for (const element of inside(view, attribute, LAYER)) {
        expressions.push(expressionOf(view, element));
      }
    }
  }
  return { table, chain, expressions };
}

function expressionOf(view: DataView, element: NetlinkAttribute): Expression {
  let name = "";
  const attributes = new Set<number>();
  const counts: { packets?: number; bytes?: number } = {};
  for (const attribute of inside(view, element, LAYER)) {
    if (attribute.type === NFTA_EXPR.NAME) name = textAt(view, attribute);
    if (attribute.type !== NFTA_EXPR.DATA) continue;
    for (const part of inside(view, attribute, LAYER)) {
      attributes.add(part.type);
      const count = name === "counter" ? COUNTS[part.type] : undefined;
      if (count !== undefined) counts[count] = readU64(view, part, "NFTA_COUNTER attribute");
    }
  }
  return { name, attributes, ...counts };
}
