/*
 * The same work as fast as C does it by hand: many packets a recvmmsg into one arena, attributes parsed
 * in place, and the verdicts of a receive in one send: a message each, or (-b) one batch message.
 */
#define _GNU_SOURCE
#include "consumer.h"

#include <stddef.h>

#include <linux/netlink.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

enum {
	SLOTS = 64,
	ATTRIBUTES = 1024, /* room beside the payload */
	RECEIVE_BUFFER = 4 << 20,
};

struct verdict_message {
	struct nlmsghdr header;
	struct nfgenmsg family;
	struct nlattr attribute;
	struct nfqnl_msg_verdict_hdr verdict;
};

struct packet {
	uint32_t id; /* network order, as it goes back */
	const uint8_t *payload;
	uint32_t length;
};

/* A verdict with a packet of the size that rewrite makes. */
struct rewritten {
	struct verdict_message message;
	struct nlattr attribute;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t data[REWRITTEN_SIZE];
};

/* False for what is no packet: the answer to a verdict that failed. */
static bool parse(const uint8_t *datagram, uint32_t length, struct packet *packet)
{
	const struct nlmsghdr *header = (const void *)datagram;
	const uint8_t *end = datagram + length;

	if (length < sizeof(*header) || header->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
		return false;
	for (const uint8_t *p = datagram + NLMSG_HDRLEN + sizeof(struct nfgenmsg); p + NLA_HDRLEN <= end;) {
		const struct nlattr *attribute = (const void *)p;
		if (attribute->nla_len < NLA_HDRLEN || attribute->nla_len > end - p)
			return false;
		switch (attribute->nla_type & NLA_TYPE_MASK) {
		case NFQA_PACKET_HDR:
			packet->id = ((const struct nfqnl_msg_packet_hdr *)(p + NLA_HDRLEN))->packet_id;
			break;
		case NFQA_PAYLOAD:
			packet->payload = p + NLA_HDRLEN;
			packet->length = attribute->nla_len - NLA_HDRLEN;
			break;
		}
		p += NLA_ALIGN(attribute->nla_len);
	}
	return true;
}

static struct verdict_message verdict_for(const struct options *o, uint32_t id)
{
	return (struct verdict_message){
		.header = {
			.nlmsg_len = sizeof(struct verdict_message),
			.nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | (o->batch ? NFQNL_MSG_VERDICT_BATCH : NFQNL_MSG_VERDICT),
			.nlmsg_flags = NLM_F_REQUEST,
		},
		.family = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(o->queue) },
		.attribute = { .nla_len = NLA_HDRLEN + sizeof(struct nfqnl_msg_verdict_hdr), .nla_type = NFQA_VERDICT_HDR },
		.verdict = { .verdict = htonl(o->verdict), .id = id },
	};
}

static uint32_t sum(const void *data, size_t length, uint32_t total)
{
	const uint16_t *words = data;

	for (size_t i = 0; i < length / 2; i++)
		total += words[i];
	return total;
}

static uint16_t finish(uint32_t total)
{
	total = (total & 0xffff) + (total >> 16);
	total += total >> 16;
	return ~total;
}

/* False for what is no UDP to the port, which passes as it is. */
static bool rewrite(const struct options *o, const struct packet *packet, struct rewritten *to)
{
	static const uint8_t text[REWRITTEN_SIZE] = "rewritten";
	struct iphdr *ip = &to->ip;
	struct udphdr *udp = &to->udp;

	if (packet->length < sizeof(*ip) + sizeof(*udp))
		return false;
	memcpy(ip, packet->payload, sizeof(*ip));
	memcpy(udp, packet->payload + sizeof(*ip), sizeof(*udp));
	if (ip->version != 4 || ip->ihl != 5 || ip->protocol != IPPROTO_UDP || udp->dest != htons(REWRITE_FROM))
		return false;
	to->message = verdict_for(o, packet->id);
	to->message.header.nlmsg_len = sizeof(*to);
	to->attribute = (struct nlattr){
		.nla_len = sizeof(*to) - offsetof(struct rewritten, attribute),
		.nla_type = NFQA_PAYLOAD,
	};
	memcpy(to->data, text, sizeof(text));
	ip->tot_len = htons(sizeof(*ip) + sizeof(*udp) + sizeof(text));
	ip->check = 0;
	ip->check = finish(sum(ip, sizeof(*ip), 0));
	udp->dest = htons(REWRITE_TO);
	udp->len = htons(sizeof(*udp) + sizeof(text));
	udp->check = 0;
	/* The addresses, length and protocol are the pseudo-header. */
	uint32_t total = sum(&ip->saddr, 8, htons(IPPROTO_UDP) + udp->len);
	udp->check = finish(sum(udp, sizeof(*udp) + sizeof(text), total));
	if (!udp->check)
		udp->check = 0xffff;
	return true;
}

int main(int argc, char **argv)
{
	struct options o = parse_options(argc, argv);
	struct meter meter = { .options = &o };
	struct nfq_q_handle *queue;
	struct nfq_handle *h = open_queue(&o, &queue, NULL, NULL);
	int fd = nfq_fd(h), on = 1;
	size_t slot = (o.copy_range + ATTRIBUTES + 7) & ~(size_t)7;
	uint8_t *arena = malloc(SLOTS * slot);
	struct iovec vectors[SLOTS];
	struct mmsghdr received[SLOTS];
	uint8_t verdicts[SLOTS * sizeof(struct rewritten)] __attribute__((aligned(8)));

	if (!arena)
		err(1, "malloc");
	memset(received, 0, sizeof(received));
	for (int i = 0; i < SLOTS; i++) {
		vectors[i] = (struct iovec){ arena + i * slot, slot };
		received[i].msg_hdr.msg_iov = &vectors[i];
		received[i].msg_hdr.msg_iovlen = 1;
	}
	setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	nfnl_rcvbufsiz(nfq_nfnlh(h), RECEIVE_BUFFER);

	for (;;) {
		int n = recvmmsg(fd, received, SLOTS, MSG_WAITFORONE, NULL);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			err(1, "recvmmsg");
		}
		struct packet packet = { 0 };
		unsigned packets = 0;
		size_t used = 0;
		for (int i = 0; i < n; i++) {
			if (!parse(vectors[i].iov_base, received[i].msg_len, &packet))
				continue;
			packets++;
			if (o.rewrite && rewrite(&o, &packet, (void *)(verdicts + used))) {
				used += sizeof(struct rewritten);
			} else if (!o.batch) {
				*(struct verdict_message *)(verdicts + used) = verdict_for(&o, packet.id);
				used += sizeof(struct verdict_message);
			}
		}
		if (!packets)
			continue;
		if (o.batch) { /* this id and every one before it */
			*(struct verdict_message *)verdicts = verdict_for(&o, packet.id);
			used = sizeof(struct verdict_message);
		}
		if (send(fd, verdicts, used, 0) < 0)
			err(1, "send");
		if (meter_add(&meter, packets))
			break;
	}
	free(arena);
	nfq_destroy_queue(queue);
	nfq_close(h);
	return 0;
}
