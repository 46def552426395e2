/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Watches. An event goes into the client's socket, or, when that is full, into a queue, where one
 * that is in it already is not put again. A client that lets SRV_MAX_EVENTS wait is told only of
 * the watched paths themselves, as at the beginning of a watch: so what waits is bounded, whatever
 * others write, and nothing is lost for who looks again at what it watches.
 */
#include "local_srv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* ---- events ---- */

/* 1: sent, 0: the socket is full, -1: the client is gone. */
static int
send_event(struct srv_client *c, uint32_t watch, const char *path)
{
	struct iovec iov[2] = {
		{.iov_base = &watch, .iov_len = sizeof(watch)},
		{.iov_base = (char *)path, .iov_len = strlen(path)},
	};
	const struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	if (sendmsg(c->watch_fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 1;
	return errno == EAGAIN || errno == ENOBUFS || errno == EINTR ? 0 : -1;
}

static void
wait_for_room(struct srv_client *c, bool wait)
{
	struct epoll_event e = {.events = wait ? EPOLLOUT : 0, .data.ptr = &c->watch_source};

	epoll_ctl(c->srv->epoll_fd, EPOLL_CTL_MOD, c->watch_fd, &e);
}

static bool
is_queued(const struct srv_client *c, uint32_t watch, const char *path)
{
	const struct srv_event *e;

	TAILQ_FOREACH (e, &c->events, next) {
		if (e->watch == watch && strcmp(e->path, path) == 0)
			return true;
	}
	return false;
}

static void
queue_event(struct srv_client *c, uint32_t watch, const char *path)
{
	struct srv_event *e;

	if (is_queued(c, watch, path))
		return;
	e = malloc(sizeof(*e) + strlen(path) + 1);
	if (e == NULL)
		return;
	e->watch = watch;
	strcpy(e->path, path);
	TAILQ_INSERT_TAIL(&c->events, e, next);
	c->event_count++;
	wait_for_room(c, true);
}

static void
free_event(struct srv_client *c, struct srv_event *e)
{
	TAILQ_REMOVE(&c->events, e, next);
	c->event_count--;
	free(e);
}

/* A client that is gone is noticed by the loop: its socket has hung up. */
static void
tell(struct srv_watch *w, const char *path)
{
	struct srv_client *c = w->owner;

	if (TAILQ_EMPTY(&c->events) && send_event(c, w->id, path + w->strip) != 0)
		return;
	if (c->event_count >= SRV_MAX_EVENTS)
		path = w->path;
	queue_event(c, w->id, path + w->strip);
}

void
srv_events_flush(struct srv_client *c)
{
	while (!TAILQ_EMPTY(&c->events)) {
		struct srv_event *e = TAILQ_FIRST(&c->events);

		if (send_event(c, e->watch, e->path) == 0)
			return;
		free_event(c, e);
	}
	wait_for_room(c, false);
}

/* ---- who is told ---- */

static bool
is_below(const char *path, const char *above)
{
	size_t len = strcmp(above, "/") == 0 ? 0 : strlen(above);

	return strncmp(path, above, len) == 0 && path[len] == '/';
}

static bool
readable(const struct tree *tree, const char *path, uint16_t domid)
{
	const struct node *n = tree_find(tree, path);

	return n != NULL && srv_may(n->perms, n->perm_count, domid, true, false);
}

static bool
parent_readable(const struct tree *tree, const char *path, uint16_t domid)
{
	char parent[PVN_XEN_PATH_MAX + 1];
	char *slash;

	strcpy(parent, path);
	slash = strrchr(parent, '/');
	slash[slash == parent] = '\0';
	return readable(tree, parent, domid);
}

/* A node is told of to whom may, or until now might, read it, or may read what is above it. */
static void
tell_if_allowed(const struct tree *old, const struct tree *now, struct srv_watch *w,
		const char *path)
{
	uint16_t domid = w->owner->domain->id;

	if (readable(now, path, domid) || readable(old, path, domid) ||
	    parent_readable(now, path, domid))
		tell(w, path);
}

static bool
differs(const struct node *a, const struct node *b)
{
	return a == NULL || b == NULL ? a != b : a->gen != b->gen;
}

void
srv_fire(struct srv *srv, const struct tree *old, const struct tree *now, const char *path)
{
	struct srv_watch *w;

	if (!differs(tree_find(old, path), tree_find(now, path)))
		return;
	TAILQ_FOREACH (w, &srv->watches, of_all) {
		if (strcmp(path, w->path) == 0 || is_below(path, w->path))
			tell_if_allowed(old, now, w, path);
		else if (is_below(w->path, path) && tree_find(old, w->path) != NULL &&
			 tree_find(now, w->path) == NULL)
			tell_if_allowed(old, now, w, w->path);
	}
}

void
srv_fire_special(struct srv *srv, int which)
{
	const struct srv_special *s = &srv->special[which];
	struct srv_watch *w;

	TAILQ_FOREACH (w, &srv->watches, of_all) {
		if (srv_special(w->path) == which &&
		    srv_may(s->perms, s->perm_count, w->owner->domain->id, true, false))
			tell(w, w->path);
	}
}

/* ---- calls ---- */

static struct srv_watch *
find_watch(struct srv_client *c, uint32_t id)
{
	struct srv_watch *w;

	LIST_FOREACH(w, &c->watches, of_owner)
	{
		if (w->id == id)
			return w;
	}
	return NULL;
}

static void
free_watch(struct srv_watch *w)
{
	TAILQ_REMOVE(&w->owner->srv->watches, w, of_all);
	LIST_REMOVE(w, of_owner);
	w->owner->domain->watch_count--;
	free(w->path);
	free(w);
}

static int
check_watch(struct srv_client *c)
{
	if (c->domain->id != 0 && c->domain->watch_count > SRV_MAX_WATCHES)
		return xen_fail(E2BIG, "domain %u has %u watches, which is the limit",
				c->domain->id, SRV_MAX_WATCHES);
	if (find_watch(c, c->req.arg[0]) != NULL)
		return xen_fail(EEXIST, "there is a watch %u", c->req.arg[0]);
	return 0;
}

int
srv_watch(struct srv_client *c)
{
	struct srv_watch *w;
	int ret = check_watch(c);

	if (ret < 0)
		return ret;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return srv_no_memory();
	w->owner = c;
	w->id = c->req.arg[0];
	w->path = srv_path(c, c->body, c->req.len);
	if (w->path == NULL) {
		ret = -errno;
		free(w);
		return ret;
	}
	w->strip = strlen(w->path) - c->req.len;
	TAILQ_INSERT_TAIL(&c->srv->watches, w, of_all);
	LIST_INSERT_HEAD(&c->watches, w, of_owner);
	c->domain->watch_count++;
	tell(w, w->path);
	return 0;
}

int
srv_unwatch(struct srv_client *c)
{
	struct srv_watch *w = find_watch(c, c->req.arg[0]);
	struct srv_event *e;

	if (w == NULL)
		return xen_fail(ENOENT, "there is no watch %u", c->req.arg[0]);
	e = TAILQ_FIRST(&c->events);
	while (e != NULL) {
		struct srv_event *next = TAILQ_NEXT(e, next);

		if (e->watch == w->id)
			free_event(c, e);
		e = next;
	}
	free_watch(w);
	return 0;
}

void
srv_watches_release(struct srv_client *c)
{
	while (!LIST_EMPTY(&c->watches))
		free_watch(LIST_FIRST(&c->watches));
	while (!TAILQ_EMPTY(&c->events))
		free_event(c, TAILQ_FIRST(&c->events));
}
