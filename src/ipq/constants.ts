// The numbers a libipq program names. Sources: <linux/netfilter_ipv4/ip_queue.h> (Linux 3.4),
// <linux/netfilter.h>, <linux/netlink.h>, <sys/socket.h>.

/** Copy mode: nothing; packets are dropped. The kernel's first mode. */
export const IPQ_COPY_NONE = 0;
/** Copy mode: metadata. */
export const IPQ_COPY_META = 1;
/** Copy mode: metadata and the packet's bytes, up to the range. */
export const IPQ_COPY_PACKET = 2;
/** The highest copy mode. */
export const IPQ_COPY_MAX = 2;

/** Message types up to this are netlink's own. */
export const IPQM_BASE = 0x10;
/** Message from the program: the mode. */
export const IPQM_MODE = 0x11;
/** Message from the program: a verdict. */
export const IPQM_VERDICT = 0x12;
/** Message from the kernel: a packet. */
export const IPQM_PACKET = 0x13;
/** Message types from here on do not exist. */
export const IPQM_MAX = 0x14;

/** Message from the kernel: what it thinks of one of the program's (`ipq_get_msgerr`). */
export const NLMSG_ERROR = 2;

/** Verdict: discard the packet. */
export const NF_DROP = 0;
/** Verdict: let the packet pass. */
export const NF_ACCEPT = 1;
/** Not a verdict for programs: the kernel answers EINVAL, the packet stays queued. */
export const NF_STOLEN = 2;
/** Verdict: queue the packet again. */
export const NF_QUEUE = 3;
/** Verdict: send the packet through the hook again. */
export const NF_REPEAT = 4;
/** Verdict: let the packet pass all that follows at this hook. */
export const NF_STOP = 5;
/** The highest verdict. */
export const NF_MAX_VERDICT = 5;

/** Hook: on arrival, before routing. */
export const NF_INET_PRE_ROUTING = 0;
/** Hook: INPUT, for this machine. */
export const NF_INET_LOCAL_IN = 1;
/** Hook: FORWARD, for another machine. */
export const NF_INET_FORWARD = 2;
/** Hook: OUTPUT, from this machine. */
export const NF_INET_LOCAL_OUT = 3;
/** Hook: on departure, after routing. */
export const NF_INET_POST_ROUTING = 4;

/** No protocol in particular. */
export const NFPROTO_UNSPEC = 0;
/** IPv4 and IPv6. */
export const NFPROTO_INET = 1;
/** IPv4: what `ipq_create_handle` takes. */
export const NFPROTO_IPV4 = 2;
/** ARP. */
export const NFPROTO_ARP = 3;
/** A network device's own hooks. */
export const NFPROTO_NETDEV = 5;
/** A bridge. */
export const NFPROTO_BRIDGE = 7;
/** IPv6: what `ipq_create_handle` takes. */
export const NFPROTO_IPV6 = 10;

/** The same number as {@link NFPROTO_IPV4}: what older programs pass. */
export const PF_INET = 2;
/** The same number as {@link NFPROTO_IPV6}: what older programs pass. */
export const PF_INET6 = 10;
