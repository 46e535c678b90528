/**
 * The few calls of the C library that the packet path and its set-up need.
 *
 * @module
 */

import { lazyLibrary, libcFile } from "../load.ts";
import type { NativeFunctions, SymbolTable } from "../types.ts";

/** None of the calls on PacketQueue's packet path takes a `size_t`: those would cost a BigInt each. */
const symbols = {
  /** `int recvmmsg(int fd, struct mmsghdr *vec, unsigned int n, int flags, struct timespec *t)` */
  recvmmsg: { parameters: ["i32", "pointer", "u32", "i32", "pointer"], result: "i32" },
  /** `ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)`: the result fits an int */
  sendmsg: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  /** `ssize_t recv(int fd, void *buffer, size_t length, int flags)`: the result fits an int */
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  /** `ssize_t send(int fd, const void *buffer, size_t length, int flags)`: the result fits an int */
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  /** `ssize_t sendto(int fd, const void *buffer, size_t length, int flags, const struct sockaddr *to, socklen_t size)` */
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "i32" },
  /** `void *memcpy(void *to, const void *from, size_t count)`: out of C's memory into ours */
  memcpy: { parameters: ["buffer", "pointer", "usize"], result: "void" },
  /** `int socket(int domain, int type, int protocol)` */
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /** `int bind(int fd, const struct sockaddr *address, socklen_t length)` */
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** `int connect(int fd, const struct sockaddr *address, socklen_t length)` */
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** `int getsockname(int fd, struct sockaddr *address, socklen_t *length)` */
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  /** `int setsockopt(int fd, int level, int name, const void *value, socklen_t length)` */
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  /** `int getsockopt(int fd, int level, int name, void *value, socklen_t *length)` */
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  /** `int capget(struct __user_cap_header_struct *header, struct __user_cap_data_struct *data)` */
  capget: { parameters: ["buffer", "buffer"], result: "i32" },
  /** `int fcntl(int fd, int command, int argument)` */
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /** `int open(const char *path, int flags)` */
  open: { parameters: ["buffer", "i32"], result: "i32" },
  /** `ssize_t read(int fd, void *buffer, size_t count)`: the result fits an int */
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  /** `ssize_t write(int fd, const void *buffer, size_t count)`: the result fits an int */
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  /** `ssize_t pread(int fd, void *buffer, size_t count, off_t offset)`: the result fits an int */
  pread: { parameters: ["i32", "buffer", "usize", "usize"], result: "i32" },
  /** `ssize_t readlink(const char *path, char *target, size_t length)`: the result fits an int */
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  /** `DIR *opendir(const char *path)` */
  opendir: { parameters: ["buffer"], result: "pointer" },
  /** `struct dirent *readdir(DIR *directory)` */
  readdir: { parameters: ["pointer"], result: "pointer" },
  /** `int closedir(DIR *directory)` */
  closedir: { parameters: ["pointer"], result: "i32" },
  /** `int close(int fd)` */
  close: { parameters: ["i32"], result: "i32" },
  /** `int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)` */
  ppoll: { parameters: ["pointer", "usize", "pointer", "pointer"], result: "i32" },
  /** `int epoll_create1(int flags)` */
  epoll_create1: { parameters: ["i32"], result: "i32" },
  /** `int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)` */
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  /** `int eventfd(unsigned int initval, int flags)` */
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  /** `int eventfd_write(int fd, eventfd_t value)`: the value is 64 bits wide */
  eventfd_write: { parameters: ["i32", "usize"], result: "i32" },
  /** `int eventfd_read(int fd, eventfd_t *value)` */
  eventfd_read: { parameters: ["i32", "buffer"], result: "i32" },
  /** `int ioctl(int fd, unsigned long request, void *argument)` */
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  /** `unsigned int if_nametoindex(const char *name)`: 0 where there is none */
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  /** `char *if_indextoname(unsigned int index, char *name)` */
  if_indextoname: { parameters: ["u32", "buffer"], result: "pointer" },
  /** `struct passwd *getpwnam(const char *name)`: memory that belongs to the library, until the next call */
  getpwnam: { parameters: ["buffer"], result: "pointer" },
  /** `int usleep(useconds_t microseconds)` */
  usleep: { parameters: ["u32"], result: "i32" },
  /** `int kill(pid_t process, int signal)` */
  kill: { parameters: ["i32", "i32"], result: "i32" },
  /** `int sigaction(int signal, const struct sigaction *action, struct sigaction *old)` */
  sigaction: { parameters: ["i32", "pointer", "pointer"], result: "i32" },
  /** `pid_t getpid(void)` */
  getpid: { parameters: [], result: "i32" },
  /** `char *strncpy(char *to, const char *from, size_t most)` */
  strncpy: { parameters: ["buffer", "pointer", "usize"], result: "pointer" },
  /** `int __xpg_strerror_r(int errno, char *text, size_t length)`: POSIX's, by the name it has in both */
  __xpg_strerror_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  /** `int *__errno_location(void)`: glibc's and musl's way to this thread's errno */
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies SymbolTable;

/** The C library; opened at the first call. */
export const libc: () => NativeFunctions<typeof symbols> = lazyLibrary({
  ...libcFile,
  symbols,
});
