/**
 * What is told about the processes of a packet.
 *
 * @module
 */

/** A process that has a packet's socket open. Its values are those of the look at it. */
export interface SocketProcess {
  /** Its id, as this namespace of processes counts. */
  readonly id: number;
  /** The id of its parent; 0 where the parent is in another namespace of processes. */
  readonly parent: number;
  /** When it began, in clock ticks since the machine did. With `id` it names one process only. */
  readonly started: number;
  /** Its command's name, at most 15 characters, which it may change: `comm` in proc(5). */
  readonly name: string;
  /** The path of its executable, in its own root; undefined where that may not be read. */
  readonly program: string | undefined;
  /** Whether the file of `program` was deleted or replaced since it was started. */
  readonly programDeleted: boolean;
  /**
   * The words that it was started with. It may have changed them. At most 16 KiB are read; empty where they
   * may not be.
   */
  readonly commandLine: readonly string[];
  /** Its control group of version 2, such as `"/user.slice"`; else the first one of version 1. */
  readonly cgroup: string | undefined;
  /** Its effective user's id, as this namespace of users counts. */
  readonly user: number | undefined;
  /**
   * Whether it has other mounts than this program, as in a container: `program` is then another file than
   * the one of that path here. Undefined where that may not be read.
   */
  readonly otherMounts: boolean | undefined;
}

/** A local socket of a packet. */
export interface LocalSocket {
  /** `"ping"`: ICMP without a capability (`SOCK_DGRAM`). `"raw"`: any protocol. */
  readonly kind: "tcp" | "udp" | "udplite" | "ping" | "raw";
  /**
   * `"listening"`: the packet opens a connection, or belongs to one that its program has not accepted yet.
   * `"closed"`: the program has closed it, and the kernel finishes the connection.
   */
  readonly state: "open" | "listening" | "closed";
  /** Its inode; 0 where no process has it any more. */
  readonly inode: number;
  /** The id of the user that made it, as this namespace of users counts. */
  readonly user: number;
}

/** Why no process is named. */
export type UnseenReason =
  /** Only packets in `output` and `input` have a local socket that can be told. */
  | "hook"
  /** A later fragment has no ports; and a packet that was not captured so far. */
  | "no-ports"
  /** No socket has these ends: the kernel sent it itself, or the socket is gone. */
  | "no-socket"
  /** The socket is closed, and what it was is no longer known. */
  | "closed"
  /** There is a socket, but no process was seen that has it. */
  | "hidden"
  /** This system cannot tell: it is no Linux, or its kernel lacks something. */
  | "system";

/** What could not be seen. */
export interface Unseen {
  /** Which case it is. */
  readonly reason: UnseenReason;
  /** The capability that would show it, if one would. */
  readonly capability: "CAP_SYS_PTRACE" | undefined;
  /** A sentence for people. */
  readonly message: string;
}

/** What `processOf` tells. The object is frozen, and the same for all packets of a connection. */
export interface PacketProcesses {
  /**
   * The processes that have the packet's socket open, the oldest first: as a rule the one that opened it.
   * Others got it by fork, or had it passed. Empty where none was seen.
   */
  readonly processes: readonly SocketProcess[];
  /** The id of the user that made the socket; undefined where there is no socket. */
  readonly user: number | undefined;
  /** The socket; all that may have sent or get the packet, where the kernel cannot tell them apart. */
  readonly sockets: readonly LocalSocket[];
  /** Why `processes` is empty, or that they had a socket which is closed; undefined where nothing is wanting. */
  readonly unseen: Unseen | undefined;
  /**
   * How many processes may have the socket open too, since their descriptors may not be looked at: with
   * CAP_SYS_PTRACE it is 0.
   */
  readonly hiddenProcesses: number;
}
