/* Modes, packets and verdicts, one queue a protocol. What each request is answered with was observed
 * on a 3.4 kernel; success is never acknowledged. */

#include "fake.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_MODE = 0x11, REQUEST_VERDICT = 0x12, MESSAGE_PACKET = 0x13, MESSAGES_END = 0x14 };
enum { REQUEST_SIZE = 24, MAXIMUM_LENGTH = 1024, MAXIMUM_RANGE = 0xffff };

struct queue {
  int protocol;
  uint64_t first_id;
  size_t header_size;   /* a shorter replacement is no packet: the kernel ignores it */
  uint32_t peer;        /* port of the program that the packets go to; 0: nobody yet */
  uint32_t mode;
  uint32_t range;
  uint32_t length;
  uint32_t dropped;
  struct packet *packets;   /* newest first, decided ones too */
  uint8_t sent[256];        /* how the last request began */
  uint32_t sent_length;
};

static struct queue queues[] = {
    {.protocol = PROTOCOL_IPV4, .first_id = 0xffff88003dd77060, .header_size = 20},
    {.protocol = PROTOCOL_IPV6, .first_id = 0xffff88003dd6e900, .header_size = 40},
};
/* Distance of two ids: they are addresses of objects in one cache. */
static const uint64_t id_step = 0x60;

static struct queue *queue_of(int protocol) { return &queues[protocol == PROTOCOL_IPV6]; }

static struct packet *find_packet(struct queue *queue, uint64_t id) {
  struct packet *each = queue->packets;
  while (each && each->id != id) each = each->next;
  return each;
}

static struct packet *find_waiting(struct queue *queue, uint64_t id) {
  struct packet *const found = find_packet(queue, id);
  return found && found->fate == FATE_QUEUED ? found : NULL;
}

/* The lowest address that no waiting packet has, so ids come again, as they do in a kernel. */
static uint64_t free_id(struct queue *queue) {
  uint64_t id = queue->first_id;
  while (find_waiting(queue, id)) id += id_step;
  return id;
}

/* An id that comes again makes its last packet's fate unreachable. */
static void forget(struct queue *queue, uint64_t id) {
  for (struct packet **at = &queue->packets; *at; at = &(*at)->next) {
    struct packet *const each = *at;
    if (each->id != id) continue;
    *at = each->next;
    if (each->fate == FATE_QUEUED) queue->length--;
    free(each->replacement);
    free(each);
    return;
  }
}

static void settle(struct queue *queue, struct packet *packet, enum fate fate) {
  packet->fate = fate;
  queue->length--;
}

/* ---- what the program asks */

static int set_mode(struct queue *queue, const uint8_t *body) {
  uint64_t range;
  memcpy(&range, body + 8, sizeof range);
  if (body[0] > COPY_PACKET) return EINVAL;
  queue->mode = body[0];
  /* The kernel takes the low 32 bits of the number. */
  queue->range = body[0] != COPY_PACKET              ? 0
                 : (uint32_t)range > MAXIMUM_RANGE ? MAXIMUM_RANGE
                                                   : (uint32_t)range;
  return 0;
}

static int set_verdict(struct queue *queue, const uint8_t *body, size_t payload_length) {
  uint32_t value;
  uint64_t id, data_length;
  memcpy(&value, body, sizeof value);
  memcpy(&id, body + 8, sizeof id);
  memcpy(&data_length, body + 16, sizeof data_length);
  if (value > NF_STOP || value == NF_STOLEN) return EINVAL;
  struct packet *const packet = find_waiting(queue, id);
  if (!packet) return ENOENT;
  packet->verdict = value;
  /* A length that does not match what came is no replacement. */
  if (data_length != 0 && data_length == payload_length && data_length >= queue->header_size) {
    packet->replacement = malloc(payload_length);
    if (!packet->replacement) abort();
    memcpy(packet->replacement, body + REQUEST_SIZE, payload_length);
    packet->replacement_length = (uint32_t)payload_length;
  }
  settle(queue, packet, FATE_DECIDED);
  return 0;
}

static int handle(struct endpoint *from, const struct nlmsghdr *header, const uint8_t *body) {
  const uint16_t flags = header->nlmsg_flags, type = header->nlmsg_type;
  if ((int32_t)header->nlmsg_pid <= 0 || !(flags & NLM_F_REQUEST) || flags & NLM_F_MULTI) return EINVAL;
  if (type >= MESSAGES_END) return EINVAL;
  const int refusal = take_fault(FAULT_ANSWER);
  if (refusal) return refusal;
  struct queue *const queue = queue_of(from->protocol);
  if (queue->peer != 0 && queue->peer != header->nlmsg_pid) return EBUSY;
  queue->peer = header->nlmsg_pid;
  const size_t length = header->nlmsg_len - sizeof *header;
  if (length < REQUEST_SIZE) return EINVAL;
  if (type == REQUEST_MODE) return set_mode(queue, body);
  if (type == REQUEST_VERDICT) return set_verdict(queue, body, length - REQUEST_SIZE);
  return EINVAL;
}

void kernel_receive(struct endpoint *from, const uint8_t *message, size_t length) {
  struct queue *const queue = queue_of(from->protocol);
  queue->sent_length = (uint32_t)length;
  memcpy(queue->sent, message, length < sizeof queue->sent ? length : sizeof queue->sent);

  struct nlmsghdr header;
  if (length < sizeof header) return;
  memcpy(&header, message, sizeof header);
  if (header.nlmsg_len < sizeof header || length < header.nlmsg_len) return;
  if (header.nlmsg_type > 0 && header.nlmsg_type < REQUEST_MODE) return;
  const int error = handle(from, &header, message + sizeof header);
  if (error == 0 && !(header.nlmsg_flags & NLM_F_ACK)) return;

  const size_t quoted = error ? header.nlmsg_len : sizeof header;
  uint8_t *const answer = calloc(1, NLMSG_HDRLEN + 4 + quoted);
  if (!answer) abort();
  const struct nlmsghdr head = {.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + 4 + quoted),
                                .nlmsg_type = NLMSG_ERROR,
                                .nlmsg_seq = header.nlmsg_seq,
                                .nlmsg_pid = from->port};
  const int32_t status = -error;
  memcpy(answer, &head, sizeof head);
  memcpy(answer + NLMSG_HDRLEN, &status, sizeof status);
  memcpy(answer + NLMSG_HDRLEN + 4, message, quoted);
  deliver(from, answer, head.nlmsg_len);
  free(answer);
}

void kernel_released(int protocol, uint32_t port) {
  struct queue *const queue = queue_of(protocol);
  if (queue->peer != port) return;
  queue->peer = 0;
  queue->mode = COPY_NONE;
  queue->range = 0;
  for (struct packet *each = queue->packets; each; each = each->next) {
    if (each->fate == FATE_QUEUED) settle(queue, each, FATE_FLUSHED);
  }
}

/* ---- packets */

/* The message's fields after its netlink header, at the offsets of an LP64 kernel. */
static void write_metadata(uint8_t *to, const struct metadata *metadata, uint64_t data_length) {
  memcpy(to, &metadata->id, 8);
  memcpy(to + 8, &metadata->mark, 8);
  memcpy(to + 16, &metadata->seconds, 8);
  memcpy(to + 24, &metadata->microseconds, 8);
  memcpy(to + 32, &metadata->hook, 4);
  memcpy(to + 36, metadata->in_device, 16);
  memcpy(to + 52, metadata->out_device, 16);
  to[68] = (uint8_t)(metadata->hardware_protocol >> 8);
  to[69] = (uint8_t)metadata->hardware_protocol;
  memcpy(to + 70, &metadata->hardware_type, 2);
  to[72] = metadata->address_length;
  memcpy(to + 73, metadata->address, 8);
  memcpy(to + 88, &data_length, 8);
}

int kernel_queue(int protocol, struct metadata metadata, const uint8_t *payload, uint32_t length,
                 uint64_t *id) {
  struct queue *const queue = queue_of(protocol);
  struct endpoint *const to = queue->peer ? endpoint_of(protocol, queue->peer) : NULL;
  int error = !to || queue->mode == COPY_NONE ? -ESRCH
              : queue->length >= MAXIMUM_LENGTH ? -ENOSPC
                                                : 0;
  if (!error) {
    if (metadata.id == 0) metadata.id = free_id(queue);
    const uint32_t copied = queue->mode == COPY_META                      ? 0
                            : queue->range == 0 || queue->range > length ? length
                                                                         : queue->range;
    const size_t size = NLMSG_ALIGN(112 + copied);
    uint8_t *const message = calloc(1, size);
    if (!message) abort();
    const struct nlmsghdr head = {.nlmsg_len = (uint32_t)size, .nlmsg_type = MESSAGE_PACKET};
    memcpy(message, &head, sizeof head);
    write_metadata(message + NLMSG_HDRLEN, &metadata, copied);
    if (copied) memcpy(message + 112, payload, copied);
    error = deliver(to, message, size);
    free(message);
  }
  if (error) {
    queue->dropped++;
    return error;
  }
  forget(queue, metadata.id);
  struct packet *const packet = calloc(1, sizeof *packet);
  if (!packet) abort();
  *packet = (struct packet){.next = queue->packets, .id = metadata.id, .fate = FATE_QUEUED};
  queue->packets = packet;
  queue->length++;
  *id = packet->id;
  return 0;
}

const struct packet *kernel_packet(int protocol, uint64_t id) {
  return find_packet(queue_of(protocol), id);
}

uint32_t kernel_state(int protocol, enum state which) {
  const struct queue *const queue = queue_of(protocol);
  switch (which) {
    case STATE_LENGTH: return queue->length;
    case STATE_DROPPED: return queue->dropped;
    case STATE_PEER: return queue->peer;
    case STATE_MODE: return queue->mode;
    case STATE_RANGE: return queue->range;
    case STATE_SOCKETS: return open_sockets(protocol);
  }
  return 0;
}

uint32_t kernel_sent(int protocol, uint8_t *to, uint32_t capacity) {
  const struct queue *const queue = queue_of(protocol);
  const uint32_t kept = queue->sent_length < sizeof queue->sent ? queue->sent_length : sizeof queue->sent;
  memcpy(to, queue->sent, kept < capacity ? kept : capacity);
  return queue->sent_length;
}
