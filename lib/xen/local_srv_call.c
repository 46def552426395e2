/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * One request, one reply.
 */
#include "local_srv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int
srv_no_memory(void)
{
	return xen_fail(ENOMEM, "the server has no memory");
}

/* ---- replies ---- */

void
srv_reply_body(struct srv_client *c, void *body, size_t len)
{
	c->reply.body = body;
	c->reply.head.len = len;
}

int
srv_reply_fds(struct srv_client *c, const int *fds, uint32_t count)
{
	struct srv_reply *r = &c->reply;

	r->fds = malloc(count * sizeof(*fds));
	if (r->fds == NULL)
		return srv_no_memory();
	for (uint32_t i = 0; i < count; i++) {
		r->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (r->fds[i] < 0)
			return xen_fail(ENOSPC, "the server has too many open files: raise its "
						"limit (ulimit -n) or share fewer, larger areas");
		r->head.fds++;
	}
	return 0;
}

void
srv_reply_free(struct srv_reply *r)
{
	for (uint32_t i = 0; i < r->head.fds; i++)
		close(r->fds[i]);
	free(r->fds);
	free(r->body);
	*r = (struct srv_reply){.under_way = false};
}

/* ---- the beginning and the end ---- */

/* The client's end of its socket for watch events; ours is in the epoll set. */
static int
open_watch_socket(struct srv_client *c)
{
	struct epoll_event e = {.events = 0, .data.ptr = &c->watch_source};
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) < 0)
		return xen_fail(ENOSPC, "the server has no socket: %s", strerror(errno));
	if (epoll_ctl(c->srv->epoll_fd, EPOLL_CTL_ADD, fd[0], &e) < 0) {
		close(fd[0]);
		close(fd[1]);
		return xen_fail(ENOSPC, "the server cannot wait: %s", strerror(errno));
	}
	c->watch_fd = fd[0];
	return fd[1];
}

static int
greet(struct srv_client *c)
{
	uint32_t *limits = malloc(2 * sizeof(*limits));
	int fd;
	int ret;

	if (limits == NULL)
		return srv_no_memory();
	limits[0] = c->srv->share_pages;
	limits[1] = LOCAL_MAP_MAX;
	srv_reply_body(c, limits, 2 * sizeof(*limits));
	fd = open_watch_socket(c);
	if (fd < 0)
		return fd;
	ret = srv_reply_fds(c, &fd, 1);
	close(fd);
	return ret;
}

static int
hello(struct srv_client *c)
{
	int ret;

	if (c->req.arg[0] != LOCAL_MAGIC)
		return xen_fail(EPROTO, "the server at %s is of another version", c->srv->path);
	if (c->req.arg[1] >= 0x7FF0)
		return xen_fail(EINVAL, "%u is no domain id", c->req.arg[1]);
	ret = greet(c);
	if (ret < 0)
		return ret;
	c->domain = srv_domain_get(c->srv, c->req.arg[1]);
	return c->domain == NULL ? -errno : 0;
}

static int
bye(struct srv_client *c)
{
	srv_client_release(c);
	return 0;
}

/* ---- the table ---- */

static int (*const calls[LOCAL_OPS])(struct srv_client *c) = {
	[LOCAL_HELLO] = hello,
	[LOCAL_BYE] = bye,
	[LOCAL_SHARE] = srv_share,
	[LOCAL_UNSHARE] = srv_unshare,
	[LOCAL_MAP] = srv_map,
	[LOCAL_UNMAP] = srv_unmap,
	[LOCAL_EVENT_ALLOC] = srv_event_alloc,
	[LOCAL_EVENT_BIND] = srv_event_bind,
	[LOCAL_EVENT_CLOSE] = srv_event_close,
	[LOCAL_READ] = srv_read,
	[LOCAL_WRITE] = srv_write,
	[LOCAL_MKDIR] = srv_mkdir,
	[LOCAL_RM] = srv_rm,
	[LOCAL_LIST] = srv_list,
	[LOCAL_SET_PERMS] = srv_set_perms,
	[LOCAL_GET_PERMS] = srv_get_perms,
	[LOCAL_TXN_BEGIN] = srv_txn_begin,
	[LOCAL_TXN_END] = srv_txn_end,
	[LOCAL_WATCH] = srv_watch,
	[LOCAL_UNWATCH] = srv_unwatch,
};

static int
dispatch(struct srv_client *c)
{
	uint32_t op = c->req.op;

	if (op >= LOCAL_OPS)
		return xen_fail(EPROTO, "%u is no request", op);
	/* A HELLO that failed may have left a watch socket: there is no second one. */
	if (op == LOCAL_HELLO ? c->watch_fd >= 0 : c->domain == NULL)
		return xen_fail(EPROTO, "request %u is out of order", op);
	return calls[op](c);
}

void
srv_call(struct srv_client *c)
{
	int status = dispatch(c);

	if (status < 0) {
		srv_reply_free(&c->reply);
		c->reply.body = strdup(pvn_xen_why());
		c->reply.head.len = c->reply.body == NULL ? 0 : strlen(c->reply.body);
	}
	c->reply.head.status = status;
	c->reply.under_way = true;
}
