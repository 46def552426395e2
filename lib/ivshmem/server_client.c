/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Clients of a server. [IVS 2] There is no queue of messages: for each place the server knows what
 * this client was told of it, and tells the rest whenever there is room in its socket. So what
 * waits for a client is bounded, however long it does not read, and however often others come and
 * go.
 */
#include "server.h"

#include <errno.h>
#include <string.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fail.h"

/* Some 300 messages. Not more, for descriptors in sockets count against a limit of this user's that
 * others use, too.
 */
#define SOCKET_BUFFER (128 << 10)

/* ---- telling ---- */

/* 1; 0 if there is no room now. A client that can be told no more is dead. */
static int
send_message(struct pvn_ivshmem_server *s, struct server_client *c, int64_t value, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.align = {.cmsg_len = CMSG_LEN(sizeof(int)),
			       .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_RIGHTS}};
	pvn_le64 word = pvn_cpu_to_le64(value);
	struct iovec iov = {&word, sizeof(word)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	/* So small a message is sent whole or not at all. */
	if (sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(word))
		return 1;
	if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)
		return 0;
	c->dead = true;
	if (errno != EPIPE && errno != ECONNRESET)
		s->stats.dropped++;
	return 0;
}

static int
tell_greeting(struct pvn_ivshmem_server *s, struct server_client *c)
{
	const struct {
		int64_t value;
		int fd;
	} messages[] = {
		{IVSHMEM_SERVER_VERSION, -1},
		{c->who.number, -1},
		{IVSHMEM_SERVER_MEMORY, s->memory_fd},
	};

	for (; c->greeted < 3; c->greeted++)
		if (send_message(s, c, messages[c->greeted].value, messages[c->greeted].fd) == 0)
			return 0;
	return 1;
}

/* Who was there is gone; who is there has come, with each of its bells. */
static int
tell_place(struct pvn_ivshmem_server *s, struct server_client *c, uint32_t place)
{
	const struct server_client *other = s->clients[place];
	struct server_told *told = &c->told[place];

	if (told->life != 0 && (other == NULL || other->life != told->life)) {
		if (send_message(s, c, told->number, -1) == 0)
			return 0;
		told->life = 0;
	}
	if (other == NULL)
		return 1;
	if (told->life == 0)
		told->vectors = 0;
	for (; told->vectors < s->vectors; told->vectors++) {
		if (send_message(s, c, other->who.number, other->bell[told->vectors]) == 0)
			return 0;
		told->life = other->life;
		told->number = other->who.number;
	}
	return 1;
}

/* The host's bells are the region's, and it is never told that the host has gone: QEMU's device
 * does not survive a number that comes back with other descriptors. The host page says how the host
 * is.
 */
static int
tell_host(struct pvn_ivshmem_server *s, struct server_client *c)
{
	struct server_told *told = &c->told[0];

	for (; told->vectors < s->vectors; told->vectors++)
		if (send_message(s, c, IVSHMEM_PEER_HOST, s->host_bell[told->vectors]) == 0)
			return 0;
	return 1;
}

static int
tell_all(struct pvn_ivshmem_server *s, struct server_client *c)
{
	if (tell_greeting(s, c) == 0)
		return 0;
	if (c->place != 0 && tell_host(s, c) == 0)
		return 0;
	for (uint32_t place = 1; place <= s->guests; place++)
		if (place != c->place && tell_place(s, c, place) == 0)
			return 0;
	return c->place == 0 ? tell_host(s, c) : tell_place(s, c, c->place); /* its own come last */
}

static void
tell(struct pvn_ivshmem_server *s, struct server_client *c)
{
	bool waits = !c->dead && tell_all(s, c) == 0;
	struct epoll_event e = {.events = waits ? EPOLLIN | EPOLLOUT : EPOLLIN,
				.data.ptr = &c->source};

	if (c->dead || waits == c->waits)
		return;
	c->waits = waits;
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, c->fd, &e) < 0)
		c->dead = true;
}

static void
tell_everybody(struct pvn_ivshmem_server *s)
{
	for (uint32_t place = 0; place <= s->guests; place++)
		if (s->clients[place] != NULL)
			tell(s, s->clients[place]);
}

/* ---- coming ---- */

static uint32_t
free_place(const struct pvn_ivshmem_server *s, bool host)
{
	uint32_t place = host ? 0 : 1;

	if (host)
		return s->clients[0] == NULL ? 0 : SERVER_PLACES;
	while (place <= s->guests && s->clients[place] != NULL)
		place++;
	return place <= s->guests ? place : SERVER_PLACES;
}

static bool
number_taken(const struct pvn_ivshmem_server *s, uint32_t number)
{
	for (uint32_t place = 1; place <= s->guests; place++)
		if (s->clients[place] != NULL && s->clients[place]->who.number == number)
			return true;
	return false;
}

/* Not that of a guest that has just gone: whoever asks whether that one is there shall hear no. */
static uint32_t
next_number(struct pvn_ivshmem_server *s)
{
	do
		s->last_number = s->last_number % IVSHMEM_PEER_MAX + 1;
	while (number_taken(s, s->last_number));
	return s->last_number;
}

int
server_bells_new(const struct pvn_ivshmem_server *s, int *bell)
{
	for (uint32_t i = 0; i < s->vectors; i++) {
		bell[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (bell[i] < 0)
			return ivs_fail(errno, "no eventfd: %s", strerror(errno));
	}
	return 0;
}

void
server_bells_free(const int *bell)
{
	for (uint32_t i = 0; i < IVSHMEM_VECTORS_MAX; i++)
		if (bell[i] >= 0)
			close(bell[i]);
}

static void
free_client(struct server_client *c)
{
	close(c->fd); /* out of the epoll set, too */
	server_bells_free(c->bell);
	free(c);
}

static void
note_who(struct server_client *c)
{
	struct ucred cred = {0};
	socklen_t len = sizeof(cred);

	getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	c->who.pid = cred.pid;
	c->who.uid = cred.uid;
	c->who.gid = cred.gid;
}

static struct server_client *
new_client(int fd)
{
	const int size = SOCKET_BUFFER;
	struct server_client *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		close(fd);
		return NULL;
	}
	c->fd = fd;
	for (uint32_t i = 0; i < IVSHMEM_VECTORS_MAX; i++)
		c->bell[i] = -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	note_who(c);
	return c;
}

static int
add_client(struct pvn_ivshmem_server *s, struct server_client *c, bool host)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = &c->source};
	int ret;

	c->place = free_place(s, host);
	if (c->place == SERVER_PLACES)
		return host ? ivs_fail(EBUSY, "the host's place of region %s is taken", s->name)
			    : ivs_fail(EBUSY, "region %s has its %u guests", s->name, s->guests);
	ret = host ? 0 : server_bells_new(s, c->bell);
	if (ret < 0)
		return ret;
	c->source.client = c;
	c->source.host = host;
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, c->fd, &e) < 0)
		return ivs_fail(errno, "epoll: %s", strerror(errno));
	c->life = ++s->lives;
	c->who.number = host ? IVSHMEM_PEER_HOST : next_number(s);
	s->clients[c->place] = c;
	return 0;
}

int
server_client_new(struct pvn_ivshmem_server *s, int fd, bool host)
{
	struct server_client *c = new_client(fd);
	int ret = c != NULL ? add_client(s, c, host) : ivs_fail(ENOMEM, "no memory");

	if (ret < 0) {
		s->stats.refused++;
		if (c != NULL)
			free_client(c);
		return ret;
	}
	s->stats.came++;
	tell(s, c); /* QEMU stands still until it has the memory [IVS 2] */
	tell_everybody(s);
	return 0;
}

/* ---- going ---- */

/* Whatever a client sends, also that it ends, is its end. */
void
server_client_ready(struct pvn_ivshmem_server *s, struct server_client *c, uint32_t events)
{
	char byte;
	ssize_t n;

	if ((events & ~(uint32_t)EPOLLOUT) != 0) {
		n = recv(c->fd, &byte, 1, MSG_DONTWAIT);
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			c->dead = true;
		if (n > 0)
			s->stats.dropped++;
	}
	tell(s, c);
}

void
server_find_dead(struct pvn_ivshmem_server *s)
{
	for (uint32_t place = 0; place <= s->guests; place++)
		if (s->clients[place] != NULL && !s->clients[place]->dead)
			server_client_ready(s, s->clients[place], EPOLLIN);
}

static bool
free_dead(struct pvn_ivshmem_server *s)
{
	bool any = false;

	for (uint32_t place = 0; place <= s->guests; place++) {
		struct server_client *c = s->clients[place];

		if (c == NULL || !c->dead)
			continue;
		s->clients[place] = NULL;
		if (place == 0)
			server_host_absent(s); /* before anybody can hear of it [IVS 2] */
		free_client(c);
		any = true;
	}
	return any;
}

/* Telling may find more who are gone. */
void
server_reap(struct pvn_ivshmem_server *s)
{
	while (free_dead(s))
		tell_everybody(s);
}
