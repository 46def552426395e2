/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Clients of our ivshmem server that are the input: they come, read or do not, send what they like
 * with whatever descriptors, and hang up by halves. Who misbehaves is disconnected; who does not is
 * served all the same, in the order of the protocol; and no descriptor stays open.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "hostile.h"
#include "ivshmem_kit.h"
#include "server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define CLIENTS 8
#define OTHERS 64
#define MEMORY IVSHMEM_SIZE_MIN
#define RUNS 64 /* of the server, until it has nothing more to do */

/* What a client was told of another one. */
struct other {
	int64_t number;
	uint32_t vectors;
};

struct client {
	int sock; /* -1: none */
	bool host;
	bool bad;     /* it has sent something or hung up: it is to be disconnected */
	bool deaf;    /* it has hung up for what it is told: it may be disconnected */
	uint32_t got; /* of the first messages */
	int64_t number;
	uint32_t own_vectors;
	struct other others[OTHERS];
	uint32_t other_count;
};

static struct client clients[CLIENTS];
static struct pvn_ivshmem_server *s;
static uint32_t vectors, guests;

/* ---- what a client is told ---- */

static bool
is_memory(int fd)
{
	struct stat st;

	HOSTILE_RULE(fstat(fd, &st) == 0 && st.st_size == MEMORY);
	HOSTILE_RULE(ftruncate(fd, 0) < 0 && ftruncate(fd, 2 * MEMORY) < 0); /* nor can it */
	return true;
}

static struct other *
find_other(struct client *c, int64_t number)
{
	for (uint32_t i = 0; i < c->other_count; i++)
		if (c->others[i].number == number)
			return &c->others[i];
	return NULL;
}

static void
told_gone(struct client *c, int64_t number)
{
	struct other *other = find_other(c, number);

	HOSTILE_RULE(other != NULL);
	HOSTILE_RULE(number != IVSHMEM_PEER_HOST);
	*other = c->others[--c->other_count];
}

static void
told_bell(struct client *c, int64_t number)
{
	struct other *other = find_other(c, number);

	if (number == c->number) {
		HOSTILE_RULE(++c->own_vectors <= vectors);
		return;
	}
	if (other == NULL && c->other_count < OTHERS) {
		other = &c->others[c->other_count++];
		*other = (struct other){.number = number};
	}
	HOSTILE_RULE(other == NULL || ++other->vectors <= vectors);
}

static void
told(struct client *c, int64_t value, int fd)
{
	const uint32_t n = c->got < 3 ? c->got++ : 3;

	if (n == 0) {
		HOSTILE_RULE(value == IVSHMEM_SERVER_VERSION && fd < 0);
	} else if (n == 1) {
		HOSTILE_RULE(fd < 0 && value <= IVSHMEM_PEER_MAX);
		HOSTILE_RULE(c->host ? value == IVSHMEM_PEER_HOST : value > IVSHMEM_PEER_HOST);
		c->number = value;
	} else if (n == 2) {
		HOSTILE_RULE(value == IVSHMEM_SERVER_MEMORY && fd >= 0 && is_memory(fd));
	} else {
		HOSTILE_RULE(value >= 0 && value <= IVSHMEM_PEER_MAX);
		(fd >= 0 ? told_bell : told_gone)(c, value);
	}
}

/* One message. */
static bool
hear(struct client *c)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	pvn_le64 value;
	struct iovec iov = {&value, sizeof(value)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(c->sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	int fd = -1;

	if (n <= 0)
		return false;
	HOSTILE_RULE(n == sizeof(value) && (msg.msg_flags & MSG_CTRUNC) == 0);
	if (header != NULL)
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	told(c, (int64_t)pvn_le64_to_cpu(value), fd);
	if (fd >= 0)
		close(fd);
	return true;
}

/* ---- what clients do ---- */

static uint32_t
count(bool host, bool with_doubtful)
{
	uint32_t n = 0;

	for (int i = 0; i < CLIENTS; i++)
		n += clients[i].sock >= 0 && clients[i].host == host && !clients[i].bad &&
		     (with_doubtful || !clients[i].deaf);
	return n;
}

static void
come(struct client *c, bool host)
{
	const uint32_t room = host ? 1 : guests;
	const bool must = count(host, true) < room, must_not = count(host, false) >= room;
	int sock;

	if (c->sock >= 0)
		return;
	sock = pvn_ivshmem_server_connect(s, host);
	HOSTILE_RULE(sock >= 0 || sock == -EBUSY);
	HOSTILE_RULE(sock >= 0 ? !must_not : !must);
	if (sock >= 0)
		*c = (struct client){.sock = sock, .host = host};
}

static void
speak(struct client *c, bool with_fds)
{
	int fd = !with_fds	    ? -1
		 : hostile_u8() % 2 ? eventfd(0, EFD_CLOEXEC)
				    : dup(c->sock); /* a socket on its way in itself */
	const unsigned int fds = with_fds ? 1 + hostile_u8() % 250 : 0;
	ssize_t n;

	fcntl(c->sock, F_SETFL, O_NONBLOCK);
	n = kit_send_part(c->sock, hostile_u8(), 0, 1 + hostile_u8() % 8, fd, fds);
	if (fd >= 0)
		close(fd);
	c->bad |= n > 0;
}

static void
hang_up(struct client *c)
{
	close(c->sock);
	c->sock = -1;
}

/* Only for what it says, or for what it hears, or both. */
static void
hang_up_by_half(struct client *c)
{
	const int how = hostile_u8() % 3;

	shutdown(c->sock, how);
	c->bad |= how != SHUT_RD;
	c->deaf = true;
}

/* The host's page is there, or looks as if it were. */
static void
scribble(void)
{
	const pvn_le64 magic = pvn_cpu_to_le64(IVSHMEM_MAGIC);

	(void)!pwrite(pvn_ivshmem_server_memory(s), &magic, sizeof(magic), 0);
}

static void
act(void)
{
	const uint8_t what = hostile_u8();
	struct client *c = &clients[what / 16 % CLIENTS];

	if (what % 8 <= 1) {
		come(c, what % 8 == 0);
	} else if (what % 8 == 2) {
		pvn_ivshmem_server_run(s);
	} else if (what % 8 == 3) {
		scribble();
	} else if (c->sock < 0) {
		come(c, false);
	} else if (what % 8 == 4) {
		for (uint32_t n = hostile_u8(); n > 0 && hear(c); n--)
			;
	} else if (what % 8 == 5) {
		speak(c, what & 8);
	} else if (what % 8 == 6) {
		hang_up(c);
	} else {
		hang_up_by_half(c);
	}
}

/* ---- */

/* When the server has done what there is to do, those are there who should be, and each of them
 * who listens has been told of the others.
 */
static void
settle(void)
{
	uint32_t there;
	bool heard = true;

	for (int i = 0; i < RUNS && heard; i++) {
		pvn_ivshmem_server_run(s);
		heard = false;
		for (int k = 0; k < CLIENTS; k++)
			while (clients[k].sock >= 0 && hear(&clients[k]))
				heard = true;
	}
	HOSTILE_RULE(!heard);
	there = pvn_ivshmem_server_clients(s, NULL, 0);
	HOSTILE_RULE(there >= count(true, false) + count(false, false));
	HOSTILE_RULE(there <= count(true, true) + count(false, true));
	for (int k = 0; k < CLIENTS; k++) {
		const struct client *c = &clients[k];

		if (c->sock < 0 || c->bad || c->deaf)
			continue;
		HOSTILE_RULE(c->got == 3 && c->own_vectors == vectors);
		HOSTILE_RULE(c->other_count + 1 >= count(false, false));
		for (uint32_t i = 0; i < c->other_count; i++)
			HOSTILE_RULE(c->others[i].vectors == vectors);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const unsigned int before = kit_open_files();
	struct pvn_ivshmem_server_cfg cfg = {.name = "fuzz", .size = MEMORY};

	hostile_input(data, bytes);
	vectors = cfg.vectors = 1 + hostile_u8() % 4;
	guests = cfg.guests = 1 + hostile_u8() % (CLIENTS - 1);
	HOSTILE_RULE(pvn_ivshmem_server_new(&cfg, &s) == 0);
	for (int i = 0; i < CLIENTS; i++)
		clients[i].sock = -1;
	while (hostile_more())
		act();
	settle();
	pvn_ivshmem_server_free(s);
	for (int i = 0; i < CLIENTS; i++)
		if (clients[i].sock >= 0)
			hang_up(&clients[i]);
	HOSTILE_RULE(kit_open_files() == before);
	return 0;
}
