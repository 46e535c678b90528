/* What tests ask for, through the same foreign function interface as everything else: integers and
 * buffers of bytes only. `family` is 2 (IPv4) or 10 (IPv6). */

#define _GNU_SOURCE
#include "fake.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct metadata) == 88, "fake_ip_queue.ts writes it");

static struct {
  atomic_int error;
  atomic_int times;   /* calls that still fail; negative: all */
} faults[FAULTS];

int take_fault(enum fault which) {
  int times = atomic_load(&faults[which].times);
  do {
    if (times == 0) return 0;
  } while (times > 0 && !atomic_compare_exchange_weak(&faults[which].times, &times, times - 1));
  return atomic_load(&faults[which].error);
}

static int protocol_of(uint32_t family) { return family == 10 ? PROTOCOL_IPV6 : PROTOCOL_IPV4; }

static void enter(void) {
  lock();
  reap();
}

/* ---- the interface */

/* True where this library was preloaded, not merely opened. */
EXPORT int fake_ip_queue_active(void) {
  return dlsym(RTLD_DEFAULT, "fake_ip_queue_active") == (void *)fake_ip_queue_active;
}

/* The next `times` calls fail with `error`; a negative number: all of them; 0: none any more. */
EXPORT void fake_ip_queue_fault(uint32_t which, int32_t error, int32_t times) {
  if (which >= FAULTS) return;
  atomic_store(&faults[which].times, 0);
  atomic_store(&faults[which].error, error);
  atomic_store(&faults[which].times, times);
}

/* Queues a packet as if a rule had matched it; the id goes into eight bytes at `id`. 0, or why it
 * was dropped: -ESRCH (no program, or no mode), -ENOSPC (1024 wait), -ENOBUFS (the socket is full). */
EXPORT int32_t fake_ip_queue_packet(uint32_t family, const uint8_t *metadata, const uint8_t *payload,
                                    uint32_t length, uint8_t *id) {
  struct metadata copy;
  uint64_t given = 0;
  memcpy(&copy, metadata, sizeof copy);
  enter();
  const int result = kernel_queue(protocol_of(family), copy, payload, length, &given);
  unlock();
  memcpy(id, &given, sizeof given);
  return result;
}

/* What became of the last packet with this id: gives its fate, and at `result` its verdict and the
 * length of its replacement (0: none), whose bytes go to `replacement` as far as they fit. */
EXPORT int32_t fake_ip_queue_fate(uint32_t family, const uint8_t *id, uint8_t *result,
                                  uint8_t *replacement, uint32_t capacity) {
  uint64_t wanted;
  memcpy(&wanted, id, sizeof wanted);
  enter();
  const struct packet *const packet = kernel_packet(protocol_of(family), wanted);
  const enum fate fate = packet ? packet->fate : FATE_UNKNOWN;
  if (packet) {
    const uint32_t length = packet->replacement_length;
    memcpy(result, &packet->verdict, 4);
    memcpy(result + 4, &length, 4);
    if (length) memcpy(replacement, packet->replacement, length < capacity ? length : capacity);
  }
  unlock();
  return fate;
}

EXPORT uint32_t fake_ip_queue_state(uint32_t family, uint32_t which) {
  enter();
  const uint32_t value = kernel_state(protocol_of(family), which);
  unlock();
  return value;
}

EXPORT uint32_t fake_ip_queue_sent(uint32_t family, uint8_t *to, uint32_t capacity) {
  enter();
  const uint32_t length = kernel_sent(protocol_of(family), to, capacity);
  unlock();
  return length;
}

/* Puts a message into the program's socket whatever the kernel would do: bytes, and the sender that
 * the receive is to report; or an errno for it to fail with. 0, or -ESRCH: no socket is bound. */
EXPORT int32_t fake_ip_queue_deliver(uint32_t family, const uint8_t *bytes, uint32_t length,
                                     uint32_t port, uint32_t address_family,
                                     uint32_t address_length, int32_t error) {
  struct oddity *const odd = malloc(sizeof *odd + length);
  if (!odd) return -ENOMEM;
  *odd = (struct oddity){.magic = ODDITY_MAGIC,
                         .error = error,
                         .port = port,
                         .family = (uint16_t)address_family,
                         .address_length = (uint16_t)address_length};
  if (length) memcpy(odd + 1, bytes, length);
  enter();
  struct endpoint *const to = endpoint_of(protocol_of(family), 0);
  const int result = to ? deliver(to, odd, sizeof *odd + length) : -ESRCH;
  unlock();
  free(odd);
  return result;
}

/* ---- memory that runs out for libipq alone */

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);

static bool called_by_libipq(void *address) {
  Dl_info where;
  if (!dladdr(address, &where) || !where.dli_fname) return false;
  const char *const slash = strrchr(where.dli_fname, '/');
  return strncmp(slash ? slash + 1 : where.dli_fname, "libipq.", 7) == 0;
}

/* 32 bytes: struct ipq_handle. Whoever else allocates must not notice. */
static bool out_of_memory(size_t size, void *caller) {
  return size == 32 && atomic_load(&faults[FAULT_ALLOCATION].times) != 0 &&
         called_by_libipq(caller) && take_fault(FAULT_ALLOCATION) != 0;
}

EXPORT void *malloc(size_t size) {
  if (!out_of_memory(size, __builtin_return_address(0))) return __libc_malloc(size);
  errno = ENOMEM;
  return NULL;
}

/* Compilers make one call of malloc and memset. */
EXPORT void *calloc(size_t count, size_t size) {
  if (!out_of_memory(count * size, __builtin_return_address(0))) return __libc_calloc(count, size);
  errno = ENOMEM;
  return NULL;
}
