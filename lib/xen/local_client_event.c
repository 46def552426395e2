/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Event channels of `local`: each end waits on one eventfd and signals another, so an event needs
 * no help of the server. One epoll descriptor waits on all ports. A port that fired is disarmed
 * there (EPOLLONESHOT), which is its mask; what is signalled meanwhile stays in the eventfd until
 * unmask.
 */
#include "local_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* ---- the table of ports; port_lock is held ---- */

static struct local_port *
find_port(struct local *l, uint32_t port)
{
	if (port < l->ports_room && l->ports[port].open)
		return &l->ports[port];
	return NULL;
}

static int
make_room(struct local *l, uint32_t port)
{
	uint32_t room = (port | 15) + 1;
	struct local_port *ports;

	if (port < l->ports_room)
		return 0;
	ports = realloc(l->ports, room * sizeof(*ports));
	if (ports == NULL)
		return xen_fail(ENOMEM, "no memory for a table of %u ports", room);
	memset(ports + l->ports_room, 0, (room - l->ports_room) * sizeof(*ports));
	l->ports = ports;
	l->ports_room = room;
	return 0;
}

static int
arm(struct local *l, int op, uint32_t port, int fd)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT, .data.u32 = port};

	if (epoll_ctl(l->epoll_fd, op, fd, &e) == 0)
		return 0;
	return xen_fail(errno, "port %u cannot be waited for: %s", port, strerror(errno));
}

static int
add_port(struct local *l, uint32_t port, struct local_call *c)
{
	int ret;

	if (c->fd_count != 2)
		return xen_fail(EPROTO, "the server's reply has no event channel");
	ret = make_room(l, port);
	if (ret == 0)
		ret = arm(l, EPOLL_CTL_ADD, port, c->fds[0]);
	if (ret < 0)
		return ret;
	l->ports[port] =
		(struct local_port){.open = true, .wait_fd = c->fds[0], .signal_fd = c->fds[1]};
	c->fds[0] = -1;
	c->fds[1] = -1;
	return 0;
}

/* ---- calls ---- */

static void
tell_close(struct local *l, uint32_t port)
{
	struct local_call c = {.op = LOCAL_EVENT_CLOSE, .arg = {port}};
	int saved = errno;

	local_ask(l, &c);
	errno = saved;
}

static int
new_port(struct local *l, struct local_call *c)
{
	int port = local_call(l, c);
	int ret;

	if (port < 0)
		return port;
	pthread_mutex_lock(&l->port_lock);
	ret = add_port(l, port, c);
	pthread_mutex_unlock(&l->port_lock);
	local_call_done(c);
	if (ret < 0)
		tell_close(l, port);
	return ret < 0 ? ret : port;
}

int
local_event_alloc(struct pvn_xen *x, uint16_t peer)
{
	struct local_call c = {.op = LOCAL_EVENT_ALLOC, .arg = {peer}};

	return new_port((struct local *)x, &c);
}

int
local_event_bind(struct pvn_xen *x, uint16_t peer, uint32_t peer_port)
{
	struct local_call c = {.op = LOCAL_EVENT_BIND, .arg = {peer, peer_port}};

	return new_port((struct local *)x, &c);
}

/* The server has a duplicate, so closing alone would leave the port in the epoll set. */
static void
drop_port(struct local *l, struct local_port *p)
{
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, p->wait_fd, NULL);
	close(p->wait_fd);
	close(p->signal_fd);
	p->open = false;
}

static int
no_port(uint32_t port)
{
	return xen_fail(ENOTCONN, "port %u is not open here", port);
}

void
local_event_close(struct pvn_xen *x, int port)
{
	struct local *l = (struct local *)x;
	struct local_port *p;

	pthread_mutex_lock(&l->port_lock);
	p = find_port(l, port);
	if (p != NULL)
		drop_port(l, p);
	pthread_mutex_unlock(&l->port_lock);
	if (p == NULL)
		no_port(port);
	else
		tell_close(l, port);
}

/* A full counter is an event that the peer has yet to take: nothing is lost. */
int
local_event_notify(struct pvn_xen *x, int port)
{
	struct local *l = (struct local *)x;
	const uint64_t one = 1;
	struct local_port *p;
	int ret = 0;

	pthread_mutex_lock(&l->port_lock);
	p = find_port(l, port);
	if (p == NULL)
		ret = no_port(port);
	else if (write(p->signal_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		ret = xen_fail(errno, "port %d: no event: %s", port, strerror(errno));
	pthread_mutex_unlock(&l->port_lock);
	return ret;
}

int
local_event_fd(struct pvn_xen *x)
{
	return ((struct local *)x)->epoll_fd;
}

/* A port in the epoll set that was closed meanwhile, or whose counter is empty, did not fire. */
static bool
take(struct local *l, uint32_t port)
{
	struct local_port *p;
	uint64_t count;
	bool fired = false;

	pthread_mutex_lock(&l->port_lock);
	p = find_port(l, port);
	if (p != NULL) {
		fired = read(p->wait_fd, &count, sizeof(count)) == sizeof(count);
		if (!fired)
			arm(l, EPOLL_CTL_MOD, port, p->wait_fd);
	}
	pthread_mutex_unlock(&l->port_lock);
	return fired;
}

int
local_event_next(struct pvn_xen *x)
{
	struct local *l = (struct local *)x;
	struct epoll_event e;
	int n;

	for (;;) {
		n = epoll_wait(l->epoll_fd, &e, 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (take(l, e.data.u32))
			return (int)e.data.u32;
	}
	errno = EAGAIN;
	return -EAGAIN;
}

int
local_event_unmask(struct pvn_xen *x, int port)
{
	struct local *l = (struct local *)x;
	struct local_port *p;
	int ret;

	pthread_mutex_lock(&l->port_lock);
	p = find_port(l, port);
	ret = p == NULL ? no_port(port) : arm(l, EPOLL_CTL_MOD, port, p->wait_fd);
	pthread_mutex_unlock(&l->port_lock);
	return ret;
}

void
local_ports_close(struct local *l)
{
	for (uint32_t i = 0; i < l->ports_room; i++)
		if (l->ports[i].open)
			drop_port(l, &l->ports[i]);
	free(l->ports);
	l->ports = NULL;
	l->ports_room = 0;
}
