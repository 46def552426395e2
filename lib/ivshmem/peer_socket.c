/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The client of an ivshmem server. [IVS 2] The server sends, in this order: the version; our
 * number; -1 with the memory; each other peer's number with each of its eventfds; our own number
 * with each of ours. Then numbers with an eventfd for who comes, without for who goes. Nothing
 * marks the end of the first part.
 *
 * A server that sends something else, or too much, costs an error. A descriptor that came with a
 * message has exactly one owner: peer_socket.with until the message is whole, then what the message
 * is about, or it is closed.
 */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <pvn_clock.h>

#include "fail.h"

#define VECTORS_TIMEOUT_MS 20 /* quiet for so long after our first vector: it was the last */
#define MESSAGES_AT_ONCE 4096

/* ---- bytes ---- */

/* Keeps one descriptor, closes any other. */
static int
take_descriptors(struct peer_socket *s, struct msghdr *msg)
{
	int surplus = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
			int fd;

			memcpy(&fd, (const char *)c + at, sizeof(fd));
			if (s->with < 0) {
				s->with = fd;
			} else {
				close(fd);
				surplus++;
			}
		}
	}
	if (surplus > 0)
		return ivs_fail(EPROTO, "the server sent %d descriptors with one message",
				surplus + 1);
	if ((msg->msg_flags & MSG_CTRUNC) != 0)
		return ivs_fail(EMFILE, "a descriptor of the server's was lost: too many came, "
					"or this process may open no more files (ulimit -n)");
	return 0;
}

/* 1 when a message is whole, 0 when there is no more to read, or a negative errno. */
static int
receive(struct peer_socket *s)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {s->bytes + s->got, sizeof(s->bytes) - s->got};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(s->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	int ret;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return ivs_fail(ENODEV, "the server is gone: %s", strerror(errno));
	ret = take_descriptors(s, &msg);
	if (ret < 0)
		return ret;
	if (n == 0)
		return ivs_fail(ENODEV, "the server has hung up");
	s->got += n;
	return s->got == sizeof(s->bytes);
}

/* ---- messages ---- */

static int64_t
message_value(const struct peer_socket *s)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | s->bytes[i];
	return (int64_t)v;
}

static int
take_version(struct pvn_ivshmem_peer *p, int64_t value, int fd)
{
	if (value != IVSHMEM_SERVER_VERSION || fd >= 0)
		return ivs_fail(
			EPROTO,
			"the server speaks version %" PRId64 "%s of its protocol: expected %d",
			value, fd >= 0 ? " (with a descriptor)" : "", IVSHMEM_SERVER_VERSION);
	p->socket.version_told = true;
	return 0;
}

static int
take_number(struct pvn_ivshmem_peer *p, int64_t value, int fd)
{
	if (value < 0 || value > IVSHMEM_PEER_MAX || fd >= 0)
		return ivs_fail(EPROTO, "the server gave us number %" PRId64 "%s: expected 0..%d",
				value, fd >= 0 ? " (with a descriptor)" : "", IVSHMEM_PEER_MAX);
	p->number = value;
	p->socket.number_told = true;
	return 0;
}

/* Takes the descriptor if it is good. */
static int
take_memory(struct pvn_ivshmem_peer *p, int64_t value, int *fd)
{
	int ret;

	if (value != IVSHMEM_SERVER_MEMORY || *fd < 0)
		return ivs_fail(EPROTO,
				"the server sent %" PRId64 " %s descriptor: expected %d with "
				"that of the memory",
				value, *fd < 0 ? "without" : "with a", IVSHMEM_SERVER_MEMORY);
	ret = peer_set_file(p, *fd, "the server's memory");
	if (ret == 0)
		*fd = -1;
	return ret;
}

static void
take_own_bell(struct pvn_ivshmem_peer *p, int *fd)
{
	if (p->vectors == IVSHMEM_VECTORS_MAX)
		return;
	p->bell[p->vectors++] = *fd;
	*fd = -1;
}

/* Somebody comes, or goes. 1 if so, 0 if it is more of the same, or a negative errno. */
static int
take_peer(struct pvn_ivshmem_peer *p, int64_t value, int *fd)
{
	int bell = *fd;

	if (value < 0 || value > IVSHMEM_PEER_MAX)
		return ivs_fail(EPROTO, "the server tells of peer %" PRId64 ": expected 0..%d",
				value, IVSHMEM_PEER_MAX);
	if (bell < 0 && value == p->number)
		return ivs_fail(EPROTO, "the server says that we, peer %" PRId64 ", are gone",
				value);
	if (bell < 0)
		return peer_others_remove(&p->socket.others, value);
	if (!peer_is_bell(bell))
		return ivs_fail(EPROTO, "the server sent peer %" PRId64 " with no eventfd", value);
	if (value == p->number) {
		take_own_bell(p, fd);
		return 0;
	}
	*fd = -1;
	return peer_others_add(&p->socket.others, value, bell);
}

static int
take_message(struct pvn_ivshmem_peer *p)
{
	struct peer_socket *s = &p->socket;
	int64_t value = message_value(s);
	int fd = s->with;
	int ret;

	s->got = 0;
	s->with = -1;
	if (!s->version_told)
		ret = take_version(p, value, fd);
	else if (!s->number_told)
		ret = take_number(p, value, fd);
	else if (p->map_fd < 0)
		ret = take_memory(p, value, &fd);
	else
		ret = take_peer(p, value, &fd);
	if (fd >= 0)
		close(fd);
	return ret;
}

/* The first that is wrong is the last that is read. */
static int
socket_look(struct pvn_ivshmem_peer *p)
{
	int changes = 0;

	if (p->socket.gone)
		return ivs_fail(ENODEV, "the server is gone");
	for (int i = 0; i < MESSAGES_AT_ONCE; i++) {
		int ret = receive(&p->socket);

		if (ret == 0)
			break;
		if (ret > 0)
			ret = take_message(p);
		if (ret < 0) {
			p->socket.gone = true;
			shutdown(p->socket.fd, SHUT_RDWR);
			return ret;
		}
		changes += ret;
	}
	return changes;
}

/* ---- open and close ---- */

static int
socket_ring(struct pvn_ivshmem_peer *p, uint32_t number, uint32_t vector)
{
	return peer_others_ring(&p->socket.others, number, vector);
}

static bool
socket_there(const struct pvn_ivshmem_peer *p, uint32_t number)
{
	return number == p->number || peer_others_has(&p->socket.others, number);
}

static void
socket_close(struct pvn_ivshmem_peer *p)
{
	struct peer_socket *s = &p->socket;

	peer_others_free(&s->others);
	if (s->with >= 0)
		close(s->with);
	close(s->fd);
}

static const struct peer_ops socket_ops = {
	.close = socket_close,
	.ring = socket_ring,
	.look = socket_look,
	.there = socket_there,
};

/* Whether there is something to read in time. */
static bool
wait_readable(int fd, int64_t end)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int64_t left;

	while ((left = end - pvn_now_ms()) > 0) {
		int n = poll(&poll_fd, 1, left);

		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
	return false;
}

/* Until the memory and our first vector are there, and no more comes. */
static int
wait_for_first_messages(struct pvn_ivshmem_peer *p)
{
	const struct peer_socket *s = &p->socket;
	const int64_t end = pvn_now_ms() + p->open_ms;

	for (;;) {
		int64_t until = p->vectors > 0 ? pvn_now_ms() + VECTORS_TIMEOUT_MS : end;
		int ret;

		if (!wait_readable(s->fd, until < end ? until : end))
			break;
		ret = socket_look(p);
		if (ret == -ENODEV && !s->version_told && s->got == 0)
			return ivs_fail(EBUSY, "the server hung up at once: the host's place is "
					       "taken, or it has no room for one more guest");
		if (ret == -ENODEV)
			return ivs_fail(EPROTO, "the server hung up in the middle of its first "
						"messages");
		if (ret < 0)
			return ret;
	}
	if (p->vectors > 0)
		return 0;
	return ivs_fail(ETIMEDOUT, "the server has not sent %s for %d ms: is it an ivshmem server?",
			!s->version_told  ? "its version"
			: !s->number_told ? "our number"
			: p->map_fd < 0	  ? "the memory"
					  : "a vector of ours",
			p->open_ms);
}

int
peer_take_socket(struct pvn_ivshmem_peer *p, int sock)
{
	struct peer_socket *s = &p->socket;
	int ret = peer_others_init(&s->others);

	if (ret < 0) {
		close(sock);
		return ivs_fail(-ret, "no lock: %s", strerror(-ret));
	}
	s->fd = sock;
	s->with = -1;
	p->event_fd = sock;
	p->ops = &socket_ops; /* closes all of it from here on */
	fcntl(sock, F_SETFD, FD_CLOEXEC);
	return wait_for_first_messages(p);
}

static int
failed_to_connect(const char *path)
{
	if (errno == ENOENT || errno == ECONNREFUSED)
		return ivs_fail(ENOENT, "%s: no server is there (%s): start it first", path,
				strerror(errno));
	if (errno == EAGAIN)
		return ivs_fail(ETIMEDOUT, "%s: the server accepts nobody", path);
	return ivs_fail(errno, "%s: %s", path, strerror(errno));
}

int
peer_open_socket(struct pvn_ivshmem_peer *p, const char *path)
{
	const struct timeval limit = {
		.tv_sec = p->open_ms / 1000,
		.tv_usec = p->open_ms % 1000 * 1000,
	};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, ret;

	if (path[0] == '\0' || strlen(path) >= sizeof(addr.sun_path))
		return ivs_fail(EINVAL, "'socket:%s': a path of 1..%zu bytes is expected", path,
				sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ivs_fail(errno, "no socket: %s", strerror(errno));
	/* The limit is for connect(): a server that is stuck accepts nobody. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return peer_take_socket(p, fd);
	ret = failed_to_connect(path);
	close(fd);
	return ret;
}
