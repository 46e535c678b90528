/*
 * What the two C programs share: options, opening the queue, the measuring window, the result line.
 * consumer.ts takes the same options and prints the same line.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libnetfilter_queue/libnetfilter_queue.h>

struct options {
	uint16_t queue;
	uint32_t copy_range;
	uint32_t verdict;
	bool rewrite;   /* accept with another payload and port */
	bool gso;
	bool batch;     /* handwritten.c: one batch verdict a receive */
	double warm_up; /* seconds, from the first packet on */
	double seconds; /* the measured window after it */
	uint64_t limit; /* packets in the window; 0: only the time counts */
};

/* What rewrite makes of the sender's 64 bytes to port 9999; iptables counts just these. */
enum { REWRITE_FROM = 9999, REWRITE_TO = 9998, REWRITTEN_SIZE = 72 };

struct meter {
	const struct options *options;
	uint64_t packets, next_look;
	double first; /* time of the first packet */
	struct { uint64_t packets; double time, cpu, user; } start;
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
	return t.tv_sec + t.tv_usec / 1e6;
}

/* All of it, and what is not the kernel's. */
static double cpu_time(double *user)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	*user = seconds(u.ru_utime);
	return seconds(u.ru_utime) + seconds(u.ru_stime);
}

/* Counts n decided packets; true once the window is over and its result is printed. */
static bool meter_add(struct meter *m, unsigned n)
{
	m->packets += n;
	if (m->packets < m->next_look)
		return false;
	m->next_look = m->packets + 64; /* keeps the clock out of the measured path */

	double time = now();
	if (!m->first)
		m->first = time;
	if (!m->start.time) {
		if (time - m->first >= m->options->warm_up) {
			m->start.packets = m->packets;
			m->start.time = time;
			m->start.cpu = cpu_time(&m->start.user);
		}
		return false;
	}
	uint64_t packets = m->packets - m->start.packets, limit = m->options->limit;
	if (time - m->start.time < m->options->seconds && (!limit || packets < limit))
		return false;
	double user, cpu = cpu_time(&user);
	printf("{\"packets\":%llu,\"seconds\":%.6f,\"cpuNs\":%.0f,\"userNs\":%.0f}\n",
	       (unsigned long long)packets, time - m->start.time, (cpu - m->start.cpu) * 1e9,
	       (user - m->start.user) * 1e9);
	return true;
}

static struct options parse_options(int argc, char **argv)
{
	struct options o = { .copy_range = 65531, .verdict = NF_ACCEPT, .warm_up = 0.3, .seconds = 1.5 };
	int c;

	while ((c = getopt(argc, argv, "q:r:v:w:s:n:gb")) != -1) {
		switch (c) {
		case 'q': o.queue = atoi(optarg); break;
		case 'r': o.copy_range = atoi(optarg); break;
		case 'v':
			o.verdict = strcmp(optarg, "drop") ? NF_ACCEPT : NF_DROP;
			o.rewrite = !strcmp(optarg, "rewrite");
			break;
		case 'w': o.warm_up = atof(optarg); break;
		case 's': o.seconds = atof(optarg); break;
		case 'n': o.limit = strtoull(optarg, NULL, 10); break;
		case 'g': o.gso = true; break;
		case 'b': o.batch = true; break;
		default:
			errx(2, "usage: [-q queue] [-r copy range] [-v accept|drop|rewrite] [-w warm-up s] [-s s] "
				"[-n packets] [-g: gso] [-b: batch verdicts]");
		}
	}
	alarm((unsigned)(o.warm_up + o.seconds) + 30); /* never outlives a benchmark that went wrong */
	return o;
}

static struct nfq_handle *open_queue(const struct options *o, struct nfq_q_handle **queue,
				     nfq_callback *callback, void *data)
{
	struct nfq_handle *h = nfq_open();

	if (!h)
		err(1, "nfq_open");
	*queue = nfq_create_queue(h, o->queue, callback, data);
	if (!*queue)
		err(1, "nfq_create_queue %u", o->queue);
	if (nfq_set_mode(*queue, NFQNL_COPY_PACKET, o->copy_range) < 0)
		err(1, "nfq_set_mode");
	if (o->gso && nfq_set_queue_flags(*queue, NFQA_CFG_F_GSO, NFQA_CFG_F_GSO) < 0)
		err(1, "nfq_set_queue_flags");
	puts("ready");
	fflush(stdout);
	return h;
}
