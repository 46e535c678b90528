/*
 * Sends numbered UDP datagrams, every stream to its port, at a rate, until SIGTERM or its time is over.
 *
 * A number is used up only when the kernel took its datagram. What the kernel refuses (no route, no
 * buffer: the device is down, the queue is full) is tried again with the next tick.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "packet.h"

enum { BATCH = 64 };

struct stream {
	int number, fd;
	uint32_t next;
};

static volatile sig_atomic_t stopped;
static unsigned char data[BATCH][MOST_SIZE];
static struct iovec vectors[BATCH];
static struct mmsghdr messages[BATCH];

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int send_some(struct stream *stream, int count)
{
	for (int i = 0; i < count; i++) {
		uint32_t number = stream->next + i, check = number ^ KEY;
		uint16_t id = stream->number;
		memcpy(data[i] + STREAM, &id, sizeof(id));
		memcpy(data[i] + NUMBER, &number, sizeof(number));
		memcpy(data[i] + CHECK, &check, sizeof(check));
	}
	int sent = sendmmsg(stream->fd, messages, count, MSG_DONTWAIT);
	if (sent <= 0)
		return 0;
	stream->next += sent;
	return sent;
}

int main(int argc, char **argv)
{
	struct stream streams[MOST_STREAMS];
	struct sockaddr_in to = { .sin_family = AF_INET };
	const char *address = "127.0.0.1";
	int count = 0, size = 64, c, ports[MOST_STREAMS];
	double rate = 0, seconds = 10;
	unsigned char kind = 'D';
	unsigned long long limit = ~0ULL, total = 0;

	while ((c = getopt(argc, argv, "t:a:r:s:n:T:k:")) != -1) {
		switch (c) {
		case 't':
			if (count == MOST_STREAMS || sscanf(optarg, "%d:%d", &streams[count].number, &ports[count]) != 2)
				errx(2, "-t %s", optarg);
			count++;
			break;
		case 'a': address = optarg; break;
		case 'r': rate = atof(optarg); break;
		case 's': size = atoi(optarg); break;
		case 'n': limit = strtoull(optarg, NULL, 10); break;
		case 'T': seconds = atof(optarg); break;
		case 'k': kind = optarg[0]; break;
		default: errx(2, "usage: -t stream:port … [-a address] [-r packets/s] [-s bytes] [-n packets] [-T s] [-k D|A]");
		}
	}
	if (count == 0 || size < LEAST_SIZE || size > MOST_SIZE || inet_pton(AF_INET, address, &to.sin_addr) != 1)
		errx(2, "wrong options");
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	for (int i = 0; i < BATCH; i++) {
		data[i][KIND] = kind;
		vectors[i] = (struct iovec){ data[i], size };
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	for (int i = 0; i < count; i++) {
		int buffer = 8 << 20;
		struct stream *stream = &streams[i];
		stream->next = 0;
		stream->fd = socket(AF_INET, SOCK_DGRAM, 0);
		if (stream->fd < 0)
			err(1, "socket");
		setsockopt(stream->fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
		to.sin_port = htons(ports[i]);
		if (connect(stream->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
			err(1, "connect");
	}
	printf("ready\n");
	fflush(stdout);

	double start = now(), elapsed = 0;
	for (int turn = 0; !stopped && total < limit && elapsed < seconds; elapsed = now() - start) {
		unsigned long long due = rate > 0 ? (unsigned long long)(elapsed * rate) : limit;
		if (due > limit)
			due = limit;
		/* After a pause (SIGSTOP) the rate goes on from now. */
		if (rate > 0 && due > total + rate / 4)
			due = total + rate / 100, start = now() - due / rate;
		while (!stopped && total < due) {
			unsigned long long left = due - total;
			int sent = send_some(&streams[turn++ % count], left < BATCH ? (int)left : BATCH);
			total += sent;
			if (sent == 0 || rate <= 0)
				break;
		}
		if (rate > 0) {
			struct timespec tick = { 0, 1000000 };
			nanosleep(&tick, NULL);
		}
	}
	printf("{\"sent\":%llu}\n", total);
	return 0;
}
