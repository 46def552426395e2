/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Bytes from and to one client. At each turn one request is taken, and no other before its reply is
 * in the socket: a client that does not read waits for itself, and holds no more of our memory than
 * one request and one reply.
 */
#include "local_srv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int
srv_client_new(struct srv *srv, int fd)
{
	struct srv_client *c = calloc(1, sizeof(*c));
	struct epoll_event e = {.events = EPOLLIN};

	if (c == NULL)
		return -ENOMEM;
	c->srv = srv;
	c->fd = fd;
	c->watch_fd = -1;
	c->request_source = (struct srv_source){SRV_REQUEST, c};
	c->watch_source = (struct srv_source){SRV_WATCH, c};
	TAILQ_INIT(&c->events);
	e.data.ptr = &c->request_source;
	if (epoll_ctl(srv->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0) {
		free(c);
		return -ENOMEM;
	}
	LIST_INSERT_HEAD(&srv->clients, c, next);
	srv->client_count++;
	return 0;
}

void
srv_client_release(struct srv_client *c)
{
	srv_maps_release(c);
	srv_shares_release(c);
	srv_ports_release(c);
	srv_watches_release(c);
	srv_txns_release(c);
}

void
srv_client_end(struct srv_client *c)
{
	if (c->dead)
		return;
	srv_client_release(c);
	c->domain = NULL;
	c->dead = true;
	c->srv->dead_count++;
	close(c->fd);
	if (c->watch_fd >= 0)
		close(c->watch_fd);
}

void
srv_client_free(struct srv_client *c)
{
	LIST_REMOVE(c, next);
	c->srv->client_count--;
	c->srv->dead_count--;
	srv_reply_free(&c->reply);
	free(c->body);
	free(c);
}

/* ---- sending ---- */

static ssize_t
send_bytes(struct srv_client *c)
{
	struct srv_reply *r = &c->reply;
	size_t head = sizeof(r->head);

	if (r->sent < head)
		return send(c->fd, (char *)&r->head + r->sent, head - r->sent,
			    MSG_NOSIGNAL | (r->head.len > 0 ? MSG_MORE : 0));
	return send(c->fd, (char *)r->body + r->sent - head, head + r->head.len - r->sent,
		    MSG_NOSIGNAL);
}

/* One byte with the group of descriptors that it stands for. */
static ssize_t
send_group(struct srv_client *c, uint32_t first)
{
	struct srv_reply *r = &c->reply;
	uint32_t left = r->head.fds - first;
	uint32_t n = left < LOCAL_FD_GROUP ? left : LOCAL_FD_GROUP;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(LOCAL_FD_GROUP * sizeof(int))];
	} control = {.room = {0}};
	struct iovec iov = {.iov_base = (char[1]){0}, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = CMSG_SPACE(n * sizeof(int))};

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(&control.head), r->fds + first, n * sizeof(int));
	return sendmsg(c->fd, &msg, MSG_NOSIGNAL);
}

/* 1: all of the reply is in the socket, 0: the socket is full, -1: the client is gone. */
static int
send_reply(struct srv_client *c)
{
	struct srv_reply *r = &c->reply;
	size_t bytes = sizeof(r->head) + r->head.len;
	size_t all = bytes + (r->head.fds + LOCAL_FD_GROUP - 1) / LOCAL_FD_GROUP;

	while (r->sent < all) {
		ssize_t n = r->sent < bytes ? send_bytes(c)
					    : send_group(c, (r->sent - bytes) * LOCAL_FD_GROUP);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n < 0)
			return -1;
		r->sent += n;
	}
	return 1;
}

static void
wait_for(struct srv_client *c, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = &c->request_source};

	if (epoll_ctl(c->srv->epoll_fd, EPOLL_CTL_MOD, c->fd, &e) < 0)
		srv_client_end(c);
}

static void
go_on_sending(struct srv_client *c)
{
	int done = send_reply(c);

	if (done > 0) {
		srv_reply_free(&c->reply);
		wait_for(c, EPOLLIN);
	} else if (done < 0) {
		srv_client_end(c);
	}
}

/* ---- receiving ---- */

static int
take_head(struct srv_client *c)
{
	if (c->req.len > LOCAL_BODY_MAX)
		return -1;
	c->body = malloc((size_t)c->req.len + 1);
	if (c->body == NULL)
		return -1;
	c->body[c->req.len] = '\0';
	return 0;
}

/* 1: a request is complete, 0: more is to come, -1: the client is gone, or talks nonsense. */
static int
receive(struct srv_client *c)
{
	size_t head = sizeof(c->req);

	while (c->got < head || c->got < head + c->req.len) {
		bool in_head = c->got < head;
		char *to = in_head ? (char *)&c->req + c->got : c->body + c->got - head;
		size_t want = in_head ? head - c->got : head + c->req.len - c->got;
		ssize_t n = recv(c->fd, to, want, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0)
			return -1;
		c->got += n;
		if (in_head && c->got == head && take_head(c) < 0)
			return -1;
	}
	return 1;
}

static void
answer(struct srv_client *c)
{
	int done;

	srv_call(c);
	free(c->body);
	c->body = NULL;
	c->got = 0;
	if (c->dead)
		return;
	done = send_reply(c);
	if (done > 0)
		srv_reply_free(&c->reply);
	else if (done < 0)
		srv_client_end(c);
	else
		wait_for(c, EPOLLOUT);
}

void
srv_client_ready(struct srv_client *c, uint32_t events)
{
	int ret;

	if (c->reply.under_way) {
		go_on_sending(c);
		return;
	}
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0)
		return;
	ret = receive(c);
	if (ret > 0)
		answer(c);
	else if (ret < 0)
		srv_client_end(c);
}
