/*
 * Keeps a queue full: UDP datagrams of 64 bytes to one port on loopback, 64 a system call, for a fixed time.
 *
 * They leave as segments of one large packet, which the kernel cuts up right before the queue: sent one by
 * one (-1), a core makes fewer than a fast consumer decides, and the sender would be what is measured.
 *
 * A queued packet is charged to its socket's send buffer, which would put one socket to sleep long before
 * the queue is full. So several sockets take turns and none ever waits; what the queue cannot hold is lost.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, SIZE = 64, MOST_SOCKETS = 64 };

static volatile sig_atomic_t stopped;

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

int main(int argc, char **argv)
{
	double seconds = 2;
	unsigned long long limit = 0, sent = 0;
	int port = 9999, sockets = 4, fds[MOST_SOCKETS], size = SIZE, c;
	bool segments = true;

	while ((c = getopt(argc, argv, "p:s:n:k:1")) != -1) {
		switch (c) {
		case 'p': port = atoi(optarg); break;
		case 's': seconds = atof(optarg); break;
		case 'n': limit = strtoull(optarg, NULL, 10); break;
		case 'k': sockets = atoi(optarg); break;
		case '1': segments = false; break;
		default: errx(2, "usage: [-p port] [-s s] [-n packets] [-k sockets] [-1: one by one]");
		}
	}
	if (sockets < 1 || sockets > MOST_SOCKETS)
		errx(2, "between 1 and %d sockets", MOST_SOCKETS);
	signal(SIGTERM, stop);
	signal(SIGINT, stop);

	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	for (int i = 0; i < sockets; i++) {
		fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
		if (fds[i] < 0 || connect(fds[i], (struct sockaddr *)&to, sizeof(to)) < 0)
			err(1, "socket");
		if (segments && setsockopt(fds[i], SOL_UDP, UDP_SEGMENT, &size, sizeof(size)) < 0)
			err(1, "UDP_SEGMENT");
	}
	static char data[SIZE * BATCH];
	struct iovec vector = { data, segments ? SIZE * BATCH : SIZE };
	struct mmsghdr messages[BATCH];
	memset(messages, 0, sizeof(messages));
	for (int i = 0; i < BATCH; i++) {
		messages[i].msg_hdr.msg_iov = &vector;
		messages[i].msg_hdr.msg_iovlen = 1;
	}

	double start = now(), end = start + seconds;
	for (int i = 0; !stopped && now() < end && (!limit || sent < limit); i = (i + 1) % sockets) {
		int n = sendmmsg(fds[i], messages, segments ? 1 : BATCH, MSG_DONTWAIT);
		if (n > 0)
			sent += segments ? BATCH : n;
		else if (errno != EAGAIN && errno != ENOBUFS && errno != EPERM && errno != EINTR)
			err(1, "sendmmsg");
	}
	printf("{\"sent\":%llu,\"seconds\":%.6f}\n", sent, now() - start);
	return 0;
}
