/*
 * The same work as fast as C does it by hand: many packets a recvmmsg into one arena, attributes parsed
 * in place, and the verdicts of a receive in one send: a message each, or (-b) one batch message.
 */
#define _GNU_SOURCE
#include "consumer.h"

#include <linux/netlink.h>

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
	struct verdict_message verdicts[SLOTS];

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
		unsigned packets = 0, messages = 0;
		for (int i = 0; i < n; i++) {
			if (!parse(vectors[i].iov_base, received[i].msg_len, &packet))
				continue;
			packets++;
			if (!o.batch)
				verdicts[messages++] = verdict_for(&o, packet.id);
		}
		if (!packets)
			continue;
		if (o.batch)
			verdicts[messages++] = verdict_for(&o, packet.id); /* this id and every one before it */
		if (send(fd, verdicts, messages * sizeof(verdicts[0]), 0) < 0)
			err(1, "send");
		if (meter_add(&meter, packets))
			break;
	}
	free(arena);
	nfq_destroy_queue(queue);
	nfq_close(h);
	return 0;
}
