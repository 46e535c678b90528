/* The socket calls. LD_PRELOAD puts them before the C library's own; dlsym is among them because a
 * foreign function interface asks the C library by name, which would pass the preload by. */

#define _GNU_SOURCE
#include "fake.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct endpoint *endpoints;

void lock(void) { pthread_mutex_lock(&mutex); }
void unlock(void) { pthread_mutex_unlock(&mutex); }

typedef void *symbol_lookup(void *handle, const char *name);

static symbol_lookup *next_dlsym(void) {
  static symbol_lookup *found;
  /* glibc 2.34; the first of aarch64; the first of x86-64. */
  static const char *const versions[] = {"GLIBC_2.34", "GLIBC_2.17", "GLIBC_2.2.5"};
  for (int i = 0; !found && i < 3; i++) found = (symbol_lookup *)dlvsym(RTLD_NEXT, "dlsym", versions[i]);
  if (!found) abort();
  return found;
}

/* The C library's own function of this name. */
static void *next(const char *name) {
  void *found = next_dlsym()(RTLD_NEXT, name);
  if (!found) abort();
  return found;
}
#define NEXT(name)                                                  \
  ({                                                                \
    static __typeof__(&name) real;                                  \
    if (!real) real = (__typeof__(&name))next(#name);               \
    real;                                                           \
  })

static int fail(int error) {
  errno = error;
  return -1;
}

/* ---- which sockets are ours */

static bool played(int domain, int protocol) {
  return domain == AF_NETLINK && (protocol == PROTOCOL_IPV4 || protocol == PROTOCOL_IPV6);
}

static uint64_t inode_of(int descriptor) {
  struct stat status;
  return fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

static struct endpoint *find(int descriptor) {
  if (!endpoints) return NULL;
  const int error = errno;
  const uint64_t inode = inode_of(descriptor);
  errno = error;
  struct endpoint *each = inode ? endpoints : NULL;
  while (each && each->inode != inode) each = each->next;
  return each;
}

static bool ours(int descriptor) {
  lock();
  const bool found = find(descriptor) != NULL;
  unlock();
  return found;
}

void reap(void) {
  for (struct endpoint **at = &endpoints; *at;) {
    struct endpoint *const each = *at;
    struct pollfd end = {.fd = each->kernel_end};
    if (poll(&end, 1, 0) == 0 || !(end.revents & POLLHUP)) {
      at = &each->next;
      continue;
    }
    *at = each->next;
    close(each->kernel_end);
    if (each->bound) kernel_released(each->protocol, each->port);
    free(each);
  }
}

struct endpoint *endpoint_of(int protocol, uint32_t port) {
  struct endpoint *each = endpoints;
  while (each && !(each->bound && each->protocol == protocol && (port == 0 || each->port == port))) {
    each = each->next;
  }
  return each;
}

uint32_t open_sockets(int protocol) {
  uint32_t count = 0;
  for (struct endpoint *each = endpoints; each; each = each->next) count += each->protocol == protocol;
  return count;
}

int deliver(struct endpoint *to, const void *bytes, size_t length) {
  if (NEXT(send)(to->kernel_end, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return 0;
  to->overrun = true;
  return -ENOBUFS;
}

/* ---- opening */

EXPORT int socket(int domain, int type, int protocol) {
  if (!played(domain, protocol)) return NEXT(socket)(domain, type, protocol);
  const int fault = take_fault(FAULT_SOCKET);
  if (fault) return fail(fault);
  /* Datagrams that also tell when the other end is closed. The first end is the program's. */
  int ends[2];
  const int flags = type & (SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | flags, 0, ends) < 0) return -1;
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  struct endpoint *const made = calloc(1, sizeof *made);
  if (!made) abort();
  *made = (struct endpoint){.inode = inode_of(ends[0]), .kernel_end = ends[1], .protocol = protocol};
  lock();
  reap();
  made->next = endpoints;
  endpoints = made;
  unlock();
  return ends[0];
}

/* Port 0 asks for a free one: the process id, then numbers that no process has. */
static int bind_endpoint(struct endpoint *endpoint, uint32_t port) {
  if (endpoint->bound) return port == endpoint->port ? 0 : EINVAL;
  uint32_t wanted = port ? port : (uint32_t)getpid();
  while (endpoint_of(endpoint->protocol, wanted)) {
    if (port) return EADDRINUSE;
    wanted = wanted > 0x80000000u ? wanted - 1 : 0xffffefffu;
  }
  endpoint->bound = true;
  endpoint->port = wanted;
  return 0;
}

static int check_address(const struct sockaddr *address, socklen_t length) {
  return length < sizeof(struct sockaddr_nl) || address->sa_family != AF_NETLINK ? EINVAL : 0;
}

EXPORT int bind(int descriptor, const struct sockaddr *address, socklen_t length) {
  lock();
  struct endpoint *const endpoint = find(descriptor);
  if (!endpoint) {
    unlock();
    return NEXT(bind)(descriptor, address, length);
  }
  reap();
  int error = take_fault(FAULT_BIND);
  if (!error) error = check_address(address, length);
  if (!error) error = bind_endpoint(endpoint, ((const struct sockaddr_nl *)address)->nl_pid);
  unlock();
  return error ? fail(error) : 0;
}

/* Only the kernel may be connected to; it is the other end already. */
EXPORT int connect(int descriptor, const struct sockaddr *address, socklen_t length) {
  if (!ours(descriptor)) return NEXT(connect)(descriptor, address, length);
  const int error = check_address(address, length);
  if (error) return fail(error);
  return ((const struct sockaddr_nl *)address)->nl_pid == 0 ? 0 : fail(ECONNREFUSED);
}

static void give_address(void *to, socklen_t *capacity, struct sockaddr_nl address) {
  if (!to || !capacity) return;
  memcpy(to, &address, *capacity < sizeof address ? *capacity : sizeof address);
  *capacity = sizeof address;
}

EXPORT int getsockname(int descriptor, struct sockaddr *restrict address, socklen_t *restrict length) {
  lock();
  struct endpoint *const endpoint = find(descriptor);
  const uint32_t port = endpoint ? endpoint->port : 0;
  unlock();
  if (!endpoint) return NEXT(getsockname)(descriptor, address, length);
  give_address(address, length, (struct sockaddr_nl){.nl_family = AF_NETLINK, .nl_pid = port});
  return 0;
}

/* ---- sending */

static int protocol_of_netlink(int descriptor) {
  int domain = 0, protocol = -1;
  socklen_t size = sizeof domain;
  const int error = errno;
  if (getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_NETLINK) {
    size = sizeof protocol;
    getsockopt(descriptor, SOL_SOCKET, SO_PROTOCOL, &protocol, &size);
  }
  errno = error;
  return protocol;
}

/* True: the send is dealt with, and `result` is its result. */
static bool send_here(int descriptor, const struct msghdr *message, ssize_t *result) {
  lock();
  struct endpoint *const endpoint = find(descriptor);
  if (!endpoint) {
    unlock();
    if (protocol_of_netlink(descriptor) != NETLINK_NETFILTER) return false;
    const int fault = take_fault(FAULT_SEND_NETFILTER);
    *result = fault ? fail(fault) : 0;
    return fault != 0;
  }
  reap();
  int error = take_fault(FAULT_SEND);
  const struct sockaddr_nl *const to = message->msg_name;
  if (!error && to) error = check_address((const struct sockaddr *)to, message->msg_namelen);
  /* libipq keeps the last sender's address as the one to send to; nobody else listens here. */
  if (!error && to && to->nl_pid != 0) error = ECONNREFUSED;
  if (!error && !endpoint->bound) error = bind_endpoint(endpoint, 0);
  size_t length = 0;
  for (size_t i = 0; i < message->msg_iovlen; i++) length += message->msg_iov[i].iov_len;
  uint8_t *const bytes = error ? NULL : malloc(length + 1);
  if (bytes) {
    size_t at = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++) {
      memcpy(bytes + at, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
      at += message->msg_iov[i].iov_len;
    }
    kernel_receive(endpoint, bytes, length);
    free(bytes);
  }
  unlock();
  *result = error ? fail(error) : (ssize_t)length;
  return true;
}

EXPORT ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
  ssize_t result;
  if (send_here(descriptor, message, &result)) return result;
  return NEXT(sendmsg)(descriptor, message, flags);
}

EXPORT ssize_t sendto(int descriptor, const void *bytes, size_t length, int flags,
               const struct sockaddr *address, socklen_t address_length) {
  struct iovec vector = {.iov_base = (void *)bytes, .iov_len = length};
  const struct msghdr message = {.msg_name = (void *)address,
                                 .msg_namelen = address_length,
                                 .msg_iov = &vector,
                                 .msg_iovlen = 1};
  ssize_t result;
  if (send_here(descriptor, &message, &result)) return result;
  return NEXT(sendto)(descriptor, bytes, length, flags, address, address_length);
}

EXPORT ssize_t send(int descriptor, const void *bytes, size_t length, int flags) {
  struct iovec vector = {.iov_base = (void *)bytes, .iov_len = length};
  const struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  ssize_t result;
  if (send_here(descriptor, &message, &result)) return result;
  return NEXT(send)(descriptor, bytes, length, flags);
}

/* ---- receiving */

static bool take_overrun(int descriptor) {
  lock();
  struct endpoint *const endpoint = find(descriptor);
  const bool overrun = endpoint && endpoint->overrun;
  if (overrun) endpoint->overrun = false;
  unlock();
  return overrun;
}

/* A message that arrives oddly: its bytes into the program's vectors, its sender as it says. */
static ssize_t receive_oddity(int descriptor, struct msghdr *message, int flags) {
  static const size_t limit = sizeof(struct oddity) + 70000;
  struct oddity *const odd = malloc(limit);
  if (!odd) return fail(ENOMEM);
  const ssize_t received = NEXT(recv)(descriptor, odd, limit, flags & ~MSG_TRUNC);
  ssize_t result = received - (ssize_t)sizeof *odd;
  if (result < 0 || odd->error) {
    const int error = received < 0 ? errno : odd->error;
    free(odd);
    return fail(error);
  }
  size_t copied = 0;
  for (size_t i = 0; i < message->msg_iovlen; i++) {
    struct iovec *const vector = &message->msg_iov[i];
    const size_t left = (size_t)result - copied;
    const size_t part = left < vector->iov_len ? left : vector->iov_len;
    memcpy(vector->iov_base, (const uint8_t *)(odd + 1) + copied, part);
    copied += part;
  }
  message->msg_flags = copied < (size_t)result ? MSG_TRUNC : 0;
  if (!(flags & MSG_TRUNC)) result = (ssize_t)copied;
  if (message->msg_name) {
    struct sockaddr_nl address = {.nl_family = odd->family, .nl_pid = odd->port};
    socklen_t length = message->msg_namelen;
    give_address(message->msg_name, &length, address);
    message->msg_namelen = odd->address_length;
  }
  message->msg_controllen = 0;
  free(odd);
  return result;
}

static ssize_t receive_here(int descriptor, struct msghdr *message, int flags) {
  if (take_overrun(descriptor)) return fail(ENOBUFS);
  uint32_t first = 0;
  const ssize_t peeked = NEXT(recv)(descriptor, &first, sizeof first, flags | MSG_PEEK);
  if (peeked < 0) return -1;
  if (peeked == sizeof first && first == ODDITY_MAGIC) {
    return receive_oddity(descriptor, message, flags);
  }
  void *const name = message->msg_name;
  socklen_t capacity = message->msg_namelen;
  message->msg_name = NULL;
  message->msg_namelen = 0;
  const ssize_t result = NEXT(recvmsg)(descriptor, message, flags);
  message->msg_name = name;
  if (result >= 0 && name) {
    give_address(name, &capacity, (struct sockaddr_nl){.nl_family = AF_NETLINK});
    message->msg_namelen = capacity;
  }
  return result;
}

EXPORT ssize_t recvmsg(int descriptor, struct msghdr *message, int flags) {
  if (!ours(descriptor)) return NEXT(recvmsg)(descriptor, message, flags);
  return receive_here(descriptor, message, flags);
}

EXPORT ssize_t recvfrom(int descriptor, void *restrict bytes, size_t length, int flags,
                 struct sockaddr *restrict address, socklen_t *restrict address_length) {
  if (!ours(descriptor)) {
    return NEXT(recvfrom)(descriptor, bytes, length, flags, address, address_length);
  }
  struct iovec vector = {.iov_base = bytes, .iov_len = length};
  struct msghdr message = {.msg_name = address,
                           .msg_namelen = address && address_length ? *address_length : 0,
                           .msg_iov = &vector,
                           .msg_iovlen = 1};
  const ssize_t result = receive_here(descriptor, &message, flags);
  if (result >= 0 && address && address_length) *address_length = message.msg_namelen;
  return result;
}

EXPORT ssize_t recv(int descriptor, void *bytes, size_t length, int flags) {
  if (!ours(descriptor)) return NEXT(recv)(descriptor, bytes, length, flags);
  return recvfrom(descriptor, bytes, length, flags, NULL, NULL);
}

/* Waiting works by itself; this only interrupts it. */
EXPORT int select(int count, fd_set *restrict readable, fd_set *restrict writable,
           fd_set *restrict exceptional, struct timeval *restrict timeout) {
  for (int each = 0; readable && each < count; each++) {
    if (!FD_ISSET(each, readable) || !ours(each)) continue;
    const int fault = take_fault(FAULT_SELECT);
    if (fault) return fail(fault);
    break;
  }
  return NEXT(select)(count, readable, writable, exceptional, timeout);
}

/* Last, so that every call above is the real one's type. */
EXPORT __attribute__((optimize("O2"))) void *dlsym(void *restrict handle, const char *restrict name) {
  static const struct {
    const char *name;
    void *ours;
  } calls[] = {
      {"socket", socket},     {"bind", bind},     {"connect", connect},   {"getsockname", getsockname},
      {"sendmsg", sendmsg},   {"sendto", sendto}, {"send", send},         {"recvmsg", recvmsg},
      {"recvfrom", recvfrom}, {"recv", recv},     {"select", select},
  };
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    if (strcmp(name, calls[i].name) != 0 || handle == RTLD_NEXT) continue;
    void *const found = next_dlsym()(handle, name);
    return found == next(name) ? calls[i].ours : found;
  }
  /* A tail call: RTLD_NEXT looks at the return address. */
  return next_dlsym()(handle, name);
}
