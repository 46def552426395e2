/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Event channels of Xen. A port that the evtchn device hands out stays masked until it is written
 * back, which is what unmask does.
 */
#include "xen_real.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

static xenevtchn_handle *
evtchn(struct real *r)
{
	xenevtchn_handle *h;

	pthread_mutex_lock(&r->open_lock);
	if (r->evtchn == NULL) {
		r->evtchn = xenevtchn_open(&real_quiet, 0);
		if (r->evtchn == NULL)
			real_no_node("/dev/xen/evtchn", "xen-evtchn");
	}
	h = r->evtchn;
	pthread_mutex_unlock(&r->open_lock);
	return h;
}

int
real_event_alloc(struct pvn_xen *x, uint16_t peer)
{
	xenevtchn_handle *h = evtchn((struct real *)x);
	int port;

	if (h == NULL)
		return -errno;
	port = xenevtchn_bind_unbound_port(h, peer);
	return port >= 0 ? port
			 : xen_fail(errno, "no event channel for domain %u: %s", peer,
				    strerror(errno));
}

int
real_event_bind(struct pvn_xen *x, uint16_t peer, uint32_t peer_port)
{
	xenevtchn_handle *h = evtchn((struct real *)x);
	int port;

	if (h == NULL)
		return -errno;
	port = xenevtchn_bind_interdomain(h, peer, peer_port);
	return port >= 0 ? port
			 : xen_fail(errno,
				    "event channel %u of domain %u cannot be bound: %s: it must be "
				    "for us and free",
				    peer_port, peer, strerror(errno));
}

/* For a port that a caller says it has: no handle is opened only to find that it has not. */
static xenevtchn_handle *
opened(struct real *r, int port)
{
	xenevtchn_handle *h;

	pthread_mutex_lock(&r->open_lock);
	h = r->evtchn;
	pthread_mutex_unlock(&r->open_lock);
	if (h == NULL)
		xen_fail(ENOTCONN, "port %d is not open here", port);
	return h;
}

void
real_event_close(struct pvn_xen *x, int port)
{
	xenevtchn_handle *h = opened((struct real *)x, port);

	if (h != NULL && xenevtchn_unbind(h, port) < 0)
		xen_fail(errno, "port %d cannot be closed: %s", port, strerror(errno));
}

int
real_event_notify(struct pvn_xen *x, int port)
{
	xenevtchn_handle *h = opened((struct real *)x, port);

	if (h == NULL)
		return -errno;
	if (xenevtchn_notify(h, port) < 0)
		return xen_fail(errno, "port %d: no event: %s", port, strerror(errno));
	return 0;
}

int
real_event_fd(struct pvn_xen *x)
{
	xenevtchn_handle *h = evtchn((struct real *)x);

	return h == NULL ? -errno : xenevtchn_fd(h);
}

/* The library's call waits, so look first. */
int
real_event_next(struct pvn_xen *x)
{
	struct real *r = (struct real *)x;
	struct pollfd p = {.fd = -1, .events = POLLIN};
	int port;

	pthread_mutex_lock(&r->open_lock);
	if (r->evtchn != NULL)
		p.fd = xenevtchn_fd(r->evtchn);
	pthread_mutex_unlock(&r->open_lock);
	if (p.fd < 0 || poll(&p, 1, 0) != 1) {
		errno = EAGAIN;
		return -EAGAIN;
	}
	port = xenevtchn_pending(r->evtchn);
	return port >= 0 ? port : xen_fail(errno, "event channels: %s", strerror(errno));
}

int
real_event_unmask(struct pvn_xen *x, int port)
{
	xenevtchn_handle *h = opened((struct real *)x, port);

	if (h == NULL)
		return -errno;
	if (xenevtchn_unmask(h, port) < 0)
		return xen_fail(errno, "port %d cannot be unmasked: %s", port, strerror(errno));
	return 0;
}
