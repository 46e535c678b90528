// Numbers of <linux/netfilter/nf_tables.h> and nf_tables_compat.h, as far as rules need them.

/** The subsystem of nfnetlink, and the types of its messages. */
const NFNL_SUBSYS_NFTABLES = 10;
const type = (number: number): number => (NFNL_SUBSYS_NFTABLES << 8) | number;
export const NFT_MSG = {
  NEWTABLE: type(0),
  GETTABLE: type(1),
  DELTABLE: type(2),
  NEWCHAIN: type(3),
  NEWRULE: type(6),
  GETRULE: type(7),
} as const;

/** Begin and end of a transaction; without the end the kernel undoes all of it. */
export const NFNL_MSG_BATCH = { BEGIN: 0x10, END: 0x11, SUBSYSTEM: NFNL_SUBSYS_NFTABLES } as const;

/** Further flags of requests, `NLM_F_*`. */
export const NLM_F_NEW = { CREATE: 0x400, APPEND: 0x800 } as const;
export const NLM_F_DUMP = 0x300;

export const NFPROTO = { inet: 1, ip: 2, bridge: 7, ip6: 10 } as const;

export const NFTA_TABLE = { NAME: 1, FLAGS: 2, OWNER: 7 } as const;
export const NFT_TABLE_F_OWNER = 2;
export const NFTA_CHAIN = { TABLE: 1, NAME: 3 } as const;
export const NFTA_RULE = { TABLE: 1, CHAIN: 2, EXPRESSIONS: 4 } as const;
export const NFTA_LIST_ELEM = 1;
export const NFTA_EXPR = { NAME: 1, DATA: 2 } as const;
export const NFTA_COUNTER = { BYTES: 1, PACKETS: 2 } as const;
export const NFTA_QUEUE = { NUM: 1, TOTAL: 2, FLAGS: 3 } as const;
export const NFTA_REJECT = { TYPE: 1 } as const;
export const NFT_REJECT_TCP_RST = 1;
/** An xt target, through nft_compat. */
export const NFTA_TARGET = { NAME: 1, REV: 2, INFO: 3 } as const;

/** struct xt_NFQ_info_v3: queuenum, queues_total, flags, 16 bits each, aligned to 8 bytes. */
export const XT_NFQUEUE = {
  NAME: "NFQUEUE",
  REVISION: 3,
  SIZE: 8,
  BYPASS: 1,
  CPU_FANOUT: 2,
} as const;
