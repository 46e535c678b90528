/* A stand-in for the kernel's side of ip_queue, which left Linux with 3.5. Preloaded, it plays
 * NETLINK_FIREWALL and NETLINK_IP6_FW inside one process: such a socket is one end of a socketpair,
 * and what is sent on it is answered at once from the other end. Nothing else is touched.
 *
 * sockets.c   the C library's socket calls, which come here first
 * kernel.c    modes, packets and verdicts, as a 3.4 kernel was observed to treat them
 * control.c   faults on demand, and what tests ask for
 *
 * Every function below but those of control.c needs the lock. */

#ifndef FAKE_IP_QUEUE_H
#define FAKE_IP_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Everything else is hidden: a name of ours must not take the place of a runtime's. */
#define EXPORT __attribute__((visibility("default")))

enum { PROTOCOL_IPV4 = 3, PROTOCOL_IPV6 = 13 };     /* NETLINK_FIREWALL, NETLINK_IP6_FW */
enum { COPY_NONE, COPY_META, COPY_PACKET };

/* What fails on demand; the numbers are the test's too. */
enum fault {
  FAULT_SOCKET,          /* socket() */
  FAULT_BIND,            /* bind() */
  FAULT_SEND,            /* sendto, sendmsg, send */
  FAULT_SEND_NETFILTER,  /* the same, on NETLINK_NETFILTER sockets, which are otherwise let alone */
  FAULT_SELECT,          /* select() on such a socket */
  FAULT_ANSWER,          /* every request is answered with this error: EPERM, EBUSY */
  FAULT_ALLOCATION,      /* malloc or calloc of 32 bytes, called by libipq */
  FAULTS,
};

/* The errno of an armed fault, which this call uses up; else 0. Needs no lock. */
int take_fault(enum fault which);

/* The program's socket, recognised by its inode, so that duplicates of the descriptor count too. */
struct endpoint {
  struct endpoint *next;
  uint64_t inode;
  int kernel_end;
  int protocol;
  bool bound;
  bool overrun;          /* a message found the buffer full: the next receive gives ENOBUFS */
  uint32_t port;         /* nl_pid */
};

/* In front of a message that must arrive oddly. Its magic is no possible nlmsg_len. */
struct oddity {
  uint32_t magic;
  int32_t error;         /* the receive fails with this errno; 0: it gives the bytes that follow */
  uint32_t port;         /* the sender's nl_pid */
  uint16_t family;
  uint16_t address_length;
};
#define ODDITY_MAGIC 0xfa17fa17u

void lock(void);
void unlock(void);

/* sockets.c */
/* Forgets sockets that were closed, however that came; the kernel's side hears of each. */
void reap(void);
struct endpoint *endpoint_of(int protocol, uint32_t port);   /* port 0: any bound one */
/* Hands bytes to the program; 0 or a negative errno (nothing arrives then, and the socket knows). */
int deliver(struct endpoint *to, const void *bytes, size_t length);
uint32_t open_sockets(int protocol);

/* kernel.c */
/* A packet's metadata as the test gives it; the test writes these offsets. */
struct metadata {
  uint64_t id;                 /* 0: a free one */
  uint64_t mark;
  int64_t seconds;
  int64_t microseconds;
  uint32_t hook;
  uint16_t hardware_protocol;  /* host order */
  uint16_t hardware_type;
  char in_device[16];
  char out_device[16];
  uint8_t address_length;
  uint8_t address[8];
};

enum fate { FATE_UNKNOWN, FATE_QUEUED, FATE_DECIDED, FATE_FLUSHED };

struct packet {
  struct packet *next;
  uint64_t id;
  enum fate fate;
  uint32_t verdict;
  uint8_t *replacement;
  uint32_t replacement_length;
};

enum state { STATE_LENGTH, STATE_DROPPED, STATE_PEER, STATE_MODE, STATE_RANGE, STATE_SOCKETS };

void kernel_receive(struct endpoint *from, const uint8_t *message, size_t length);
/* A socket is gone: what waits for its program is dropped. */
void kernel_released(int protocol, uint32_t port);
/* 0; ESRCH where nobody takes packets, ENOSPC and ENOBUFS where too many wait: negative, dropped. */
int kernel_queue(int protocol, struct metadata metadata, const uint8_t *payload, uint32_t length,
                 uint64_t *id);
/* The last packet that had this id, or NULL. */
const struct packet *kernel_packet(int protocol, uint64_t id);
uint32_t kernel_state(int protocol, enum state which);
/* How the last request began; gives its length. */
uint32_t kernel_sent(int protocol, uint8_t *to, uint32_t capacity);

#endif
