/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Event channels. Both eventfds are made with the first end; who binds the second one gets the same
 * two the other way round. As in Xen, an end whose peer closes is free to be bound again, by the
 * same domain, and who binds gets one event at once, because earlier ones may have been lost.
 */
#include "local_srv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- channels ---- */

static struct srv_channel *
new_channel(void)
{
	struct srv_channel *ch = calloc(1, sizeof(*ch));

	if (ch == NULL)
		return NULL;
	ch->fd[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ch->fd[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ch->fd[0] >= 0 && ch->fd[1] >= 0)
		return ch;
	if (ch->fd[0] >= 0)
		close(ch->fd[0]);
	if (ch->fd[1] >= 0)
		close(ch->fd[1]);
	free(ch);
	return NULL;
}

static void
free_unused_channel(struct srv_channel *ch)
{
	if (ch->end[0] != NULL || ch->end[1] != NULL)
		return;
	close(ch->fd[0]);
	close(ch->fd[1]);
	free(ch);
}

static void
signal_end(const struct srv_channel *ch, int side)
{
	const uint64_t one = 1;

	/* A full counter is an event already. */
	if (write(ch->fd[side], &one, sizeof(one)) < 0)
		return;
}

/* ---- ports ---- */

static int
more_ports(struct srv_domain *d)
{
	uint32_t room = d->port_room == 0 ? 16 : 2 * d->port_room;
	struct srv_port **v;

	if (room > SRV_MAX_PORTS)
		return -ENOSPC;
	v = realloc(d->ports, room * sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	memset(v + d->port_room, 0, (room - d->port_room) * sizeof(*v));
	d->ports = v;
	d->port_room = room;
	return 0;
}

/* The lowest free number, from 1 on, as in Xen; 0 if there is none. */
static uint32_t
free_number(struct srv_domain *d)
{
	uint32_t i = 1;

	while (i < d->port_room && d->ports[i] != NULL)
		i++;
	if (i >= d->port_room && more_ports(d) < 0)
		return 0;
	return i;
}

/* A new end of a channel; its number, or a negative errno. */
static int
new_port(struct srv_client *c, struct srv_channel *ch, int side)
{
	const int fds[2] = {ch->fd[side], ch->fd[1 - side]};
	uint32_t number = free_number(c->domain);
	struct srv_port *p;
	int ret;

	if (number == 0)
		return xen_fail(ENOSPC, "domain %u has %u event channels already", c->domain->id,
				SRV_MAX_PORTS - 1);
	ret = srv_reply_fds(c, fds, 2);
	if (ret < 0)
		return ret;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return srv_no_memory();
	*p = (struct srv_port){.domain = c->domain,
			       .owner = c,
			       .channel = ch,
			       .side = side,
			       .number = number,
			       .peer = c->req.arg[0]};
	ch->end[side] = p;
	c->domain->ports[number] = p;
	LIST_INSERT_HEAD(&c->ports, p, of_owner);
	return number;
}

static struct srv_port *
port_of(const struct srv_domain *d, uint32_t number)
{
	return d != NULL && number < d->port_room ? d->ports[number] : NULL;
}

struct srv_port *
srv_port_find(struct srv_client *c, uint32_t number)
{
	struct srv_port *p = port_of(c->domain, number);

	return p != NULL && p->owner == c ? p : NULL;
}

static void
free_unused_port(struct srv_port *p)
{
	if (p->owner != NULL || p->notes > 0)
		return;
	p->domain->ports[p->number] = NULL;
	p->channel->end[p->side] = NULL;
	free_unused_channel(p->channel);
	free(p);
}

static void
close_port(struct srv_port *p)
{
	LIST_REMOVE(p, of_owner);
	p->owner = NULL;
	free_unused_port(p);
}

void
srv_port_signal(struct srv_port *p)
{
	signal_end(p->channel, 1 - p->side);
}

/* A note keeps a closed port until it has fired, as the kernel does. */
void
srv_port_note(struct srv_port *p)
{
	p->notes++;
}

void
srv_port_unnote(struct srv_port *p)
{
	p->notes--;
	free_unused_port(p);
}

/* ---- calls ---- */

int
srv_event_alloc(struct srv_client *c)
{
	struct srv_channel *ch;
	int ret;

	if (c->req.arg[0] > UINT16_MAX)
		return xen_fail(EINVAL, "%u is no domain id", c->req.arg[0]);
	ch = new_channel();
	if (ch == NULL)
		return xen_fail(ENOSPC, "the server has too many open files: raise its limit "
					"(ulimit -n)");
	ret = new_port(c, ch, 0);
	if (ret < 0)
		free_unused_channel(ch);
	return ret;
}

int
srv_event_bind(struct srv_client *c)
{
	uint32_t peer = c->req.arg[0];
	struct srv_port *p =
		peer > UINT16_MAX ? NULL : port_of(srv_domain_find(c->srv, peer), c->req.arg[1]);
	int ret;

	if (p == NULL || p->owner == NULL || p->peer != c->domain->id)
		return xen_fail(EINVAL, "domain %u has no port %u for domain %u", peer,
				c->req.arg[1], c->domain->id);
	if (p->channel->end[1 - p->side] != NULL)
		return xen_fail(EINVAL, "port %u of domain %u is bound already", c->req.arg[1],
				peer);
	ret = new_port(c, p->channel, 1 - p->side);
	if (ret >= 0)
		signal_end(p->channel, 1 - p->side);
	return ret;
}

int
srv_event_close(struct srv_client *c)
{
	struct srv_port *p = srv_port_find(c, c->req.arg[0]);

	if (p == NULL)
		return xen_fail(EINVAL, "port %u is not open here", c->req.arg[0]);
	close_port(p);
	return 0;
}

void
srv_ports_release(struct srv_client *c)
{
	while (!LIST_EMPTY(&c->ports))
		close_port(LIST_FIRST(&c->ports));
}
