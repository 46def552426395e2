/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Pages. A share is a memfd of fixed size. Its references go up from the domain's last ones, and
 * are used again only after 2^31 of them. They leave out a number now and then, as a reference list
 * of Xen may: nobody should rely on their being consecutive.
 *
 * We hold the memory as long as somebody may look at it: the granter until it takes the share back,
 * each mapper until it unmaps; so it counts against the granter's limit as it does in Xen.
 */
#include "local_srv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FIRST_REF 8u /* [XEN 1] those below are reserved */
#define LAST_REF 0x7FFFFFFFu
#define STEP 61u /* after so many references, one is left out */

/* ---- references ---- */

static uint32_t
ref_of(const struct srv_share *s, uint32_t page)
{
	return s->base + page + page / STEP;
}

/* Index of the first share whose base is at or above a reference. */
static uint32_t
share_index(const struct srv_domain *d, uint32_t ref)
{
	uint32_t low = 0;
	uint32_t high = d->share_count;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (d->shares[mid]->base < ref)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The share that a reference is of, and which page; NULL if none. */
static struct srv_share *
find_ref(const struct srv_domain *d, uint32_t ref, uint32_t *page)
{
	uint32_t i = ref > LAST_REF ? 0 : share_index(d, ref + 1);
	struct srv_share *s = i == 0 ? NULL : d->shares[i - 1];
	uint32_t offset;

	if (s == NULL || ref - s->base >= s->span)
		return NULL;
	offset = ref - s->base;
	if (offset % (STEP + 1) == STEP)
		return NULL;
	*page = offset - offset / (STEP + 1);
	return s;
}

/* `span` unused references from the last used ones on, once round. 0 if there are none. */
static uint32_t
find_span(const struct srv_domain *d, uint32_t span)
{
	uint32_t base = d->next_ref < FIRST_REF ? FIRST_REF : d->next_ref;
	bool again = false;

	for (uint32_t i = share_index(d, base);; i++) {
		uint32_t end = i < d->share_count ? d->shares[i]->base : LAST_REF;

		if (end >= base && end - base >= span)
			return base;
		if (i < d->share_count) {
			base = d->shares[i]->base + d->shares[i]->span;
			continue;
		}
		if (again)
			return 0;
		again = true;
		base = FIRST_REF;
		i = UINT32_MAX; /* from 0 on */
	}
}

static int
insert_share(struct srv_domain *d, struct srv_share *s)
{
	uint32_t room = d->share_room == 0 ? 16 : 2 * d->share_room;
	uint32_t at;

	s->span = s->pages + (s->pages - 1) / STEP;
	s->base = find_span(d, s->span);
	if (s->base == 0)
		return xen_fail(ENOSPC, "domain %u has no references left", d->id);
	if (d->share_count == d->share_room) {
		struct srv_share **v = realloc(d->shares, room * sizeof(*v));

		if (v == NULL)
			return xen_fail(ENOMEM, "the server has no memory");
		d->shares = v;
		d->share_room = room;
	}
	at = share_index(d, s->base);
	memmove(d->shares + at + 1, d->shares + at, (d->share_count - at) * sizeof(*d->shares));
	d->shares[at] = s;
	d->share_count++;
	d->next_ref = s->base + s->span;
	d->shared_pages += s->pages;
	s->domain = d;
	return 0;
}

static void
take_out_share(struct srv_share *s)
{
	struct srv_domain *d = s->domain;
	uint32_t at = share_index(d, s->base);

	d->share_count--;
	memmove(d->shares + at, d->shares + at + 1, (d->share_count - at) * sizeof(*d->shares));
	d->shared_pages -= s->pages;
	s->domain = NULL;
}

/* ---- what happens when somebody lets go ---- */

static int
set_note(struct srv_client *c, struct srv_note *note, struct srv_share *s, uint32_t page)
{
	uint32_t offset = c->req.arg[3];
	uint32_t port = c->req.arg[4];

	if (offset == LOCAL_NO_NOTIFY)
		return 0;
	if (offset >= PVN_XEN_PAGE_SIZE)
		return xen_fail(EINVAL, "byte %u is not in a page", offset);
	if (port != LOCAL_NO_PORT) {
		note->port = srv_port_find(c, port);
		if (note->port == NULL)
			return xen_fail(EINVAL, "port %u is not open here", port);
		srv_port_note(note->port);
	}
	note->share = s;
	note->offset = (uint64_t)page * PVN_XEN_PAGE_SIZE + offset;
	return 0;
}

/* The byte, then the event: who gets the event finds the byte clear. */
static void
fire_note(struct srv_note *note)
{
	if (note->share == NULL)
		return;
	if (pwrite(note->share->fd, "", 1, note->offset) != 1)
		fprintf(stderr, "local: a byte could not be cleared: %s\n", strerror(errno));
	if (note->port != NULL) {
		srv_port_signal(note->port);
		srv_port_unnote(note->port);
	}
	*note = (struct srv_note){.share = NULL};
}

/* ---- share ---- */

static void
free_share(struct srv_share *s)
{
	if (s->domain != NULL)
		take_out_share(s);
	if (s->fd >= 0)
		close(s->fd);
	if (s->ro_fd >= 0)
		close(s->ro_fd);
	free(s);
}

static void
free_unused_share(struct srv_share *s)
{
	if (s->owner == NULL && s->maps == 0)
		free_share(s);
}

/* Nobody can make it smaller, so touching a page of it can never fail. */
static int
make_memory(struct srv_share *s)
{
	off_t bytes = (off_t)s->pages * PVN_XEN_PAGE_SIZE;

	s->fd = memfd_create("pvn-share", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (s->fd < 0)
		return xen_fail(ENOSPC, "the server has too many open files: raise its limit "
					"(ulimit -n) or share fewer, larger areas");
	if (ftruncate(s->fd, bytes) < 0 ||
	    fcntl(s->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return xen_fail(ENOSPC, "no memory for %u pages: %s", s->pages, strerror(errno));
	return 0;
}

static int
check_share(const struct srv_client *c, uint32_t peer, uint32_t pages)
{
	uint32_t used = c->domain->shared_pages;
	uint32_t limit = c->srv->share_pages;

	if (pages == 0 || pages > LOCAL_SHARE_MAX || peer > UINT16_MAX)
		return xen_fail(EINVAL, "%u pages for domain %u: at most %u", pages, peer,
				LOCAL_SHARE_MAX);
	if (used <= limit && pages <= limit - used)
		return 0;
	return xen_fail(ENOSPC,
			"%u pages: domain %u shares %u of at most %u already: raise the limit "
			"with: pvnctl local serve --pages N",
			pages, c->domain->id, used, limit);
}

static int
reply_share(struct srv_client *c, const struct srv_share *s)
{
	uint32_t *refs = malloc(s->pages * sizeof(*refs));

	if (refs == NULL)
		return xen_fail(ENOMEM, "the server has no memory");
	for (uint32_t i = 0; i < s->pages; i++)
		refs[i] = ref_of(s, i);
	srv_reply_body(c, refs, s->pages * sizeof(*refs));
	return srv_reply_fds(c, &s->fd, 1);
}

int
srv_share(struct srv_client *c)
{
	const uint32_t *arg = c->req.arg;
	struct srv_share *s;
	int ret = check_share(c, arg[0], arg[1]);

	if (ret < 0)
		return ret;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return xen_fail(ENOMEM, "the server has no memory");
	s->peer = arg[0];
	s->pages = arg[1];
	s->writable = arg[2] != 0;
	s->fd = -1;
	s->ro_fd = -1;
	ret = make_memory(s);
	if (ret == 0)
		ret = insert_share(c->domain, s);
	if (ret == 0)
		ret = reply_share(c, s);
	if (ret == 0)
		ret = set_note(c, &s->note, s, 0);
	if (ret < 0) {
		free_share(s);
		return ret;
	}
	s->owner = c;
	LIST_INSERT_HEAD(&c->shares, s, of_owner);
	return s->base;
}

static void
end_share(struct srv_share *s)
{
	LIST_REMOVE(s, of_owner);
	s->owner = NULL;
	fire_note(&s->note);
	free_unused_share(s);
}

int
srv_unshare(struct srv_client *c)
{
	uint32_t page;
	struct srv_share *s = find_ref(c->domain, c->req.arg[0], &page);

	if (s == NULL || s->owner != c || page != 0)
		return xen_fail(EINVAL, "%u is no share of this client", c->req.arg[0]);
	end_share(s);
	return 0;
}

/* ---- map ---- */

/* A map call as it grows. */
struct mapping {
	struct srv_map *map;
	uint32_t room; /* for shares in the map */
	struct local_run *runs;
	uint32_t run_count;
	uint32_t first_page;
};

static int
add_to_map(struct srv *srv, struct mapping *m, struct srv_share *s)
{
	if (s->mark == srv->map_calls)
		return 0;
	if (m->map->count == LOCAL_FD_MAX)
		return xen_fail(ENOSPC, "a map call may have pages of %u shares", LOCAL_FD_MAX);
	if (m->map->count == m->room) {
		uint32_t room = 2 * m->room;
		struct srv_map *map = realloc(m->map, sizeof(*map) + room * sizeof(s));

		if (map == NULL)
			return xen_fail(ENOMEM, "the server has no memory");
		m->map = map;
		m->room = room;
	}
	s->mark = srv->map_calls;
	s->slot = m->map->count;
	m->map->shares[m->map->count++] = s;
	return 0;
}

static void
add_run(struct mapping *m, uint32_t slot, uint32_t page)
{
	struct local_run *last = m->runs + m->run_count - 1;

	if (m->run_count > 0 && last->fd == slot && last->page + last->count == page)
		last->count++;
	else
		m->runs[m->run_count++] = (struct local_run){slot, page, 1};
}

/* The share of a reference, if this client may map it so. */
static struct srv_share *
granted(const struct srv_client *c, const struct srv_domain *peer, uint32_t ref, uint32_t *page)
{
	struct srv_share *s = find_ref(peer, ref, page);

	if (s == NULL || s->owner == NULL)
		xen_fail(EINVAL, "domain %u has no page with the reference %u", peer->id, ref);
	else if (s->peer != c->domain->id)
		xen_fail(EINVAL, "reference %u of domain %u is not for domain %u", ref, peer->id,
			 c->domain->id);
	else if (c->req.arg[2] != 0 && !s->writable)
		xen_fail(EINVAL, "reference %u of domain %u is read-only", ref, peer->id);
	else
		return s;
	return NULL;
}

static int
add_pages(struct srv_client *c, struct mapping *m)
{
	const struct srv_domain *peer =
		c->req.arg[0] > UINT16_MAX ? NULL : srv_domain_find(c->srv, c->req.arg[0]);
	const uint32_t *refs = (const uint32_t *)c->body;

	if (peer == NULL)
		return xen_fail(EINVAL, "there is no domain %u", c->req.arg[0]);
	c->srv->map_calls++;
	for (uint32_t i = 0; i < c->req.arg[1]; i++) {
		uint32_t page;
		struct srv_share *s = granted(c, peer, refs[i], &page);
		int ret = s == NULL ? -errno : add_to_map(c->srv, m, s);

		if (ret < 0)
			return ret;
		add_run(m, s->slot, page);
		if (i == 0)
			m->first_page = page;
	}
	return 0;
}

/* Read-only access is a descriptor of its own, which mprotect() cannot make writable. */
static int
fd_for(struct srv_share *s, bool writable)
{
	char path[32];

	if (writable)
		return s->fd;
	if (s->ro_fd < 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", s->fd);
		s->ro_fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return s->ro_fd;
}

static int
reply_map(struct srv_client *c, struct mapping *m)
{
	int *fds = malloc(m->map->count * sizeof(*fds));
	int ret = 0;

	if (fds == NULL)
		return xen_fail(ENOMEM, "the server has no memory");
	for (uint32_t i = 0; i < m->map->count && ret == 0; i++) {
		fds[i] = fd_for(m->map->shares[i], c->req.arg[2] != 0);
		if (fds[i] < 0)
			ret = xen_fail(ENOSPC, "the server cannot open pages read-only: %s",
				       strerror(errno));
	}
	if (ret == 0)
		ret = srv_reply_fds(c, fds, m->map->count);
	free(fds);
	srv_reply_body(c, m->runs, m->run_count * sizeof(*m->runs));
	m->runs = NULL;
	return ret;
}

static int
make_mapping(struct srv_client *c, struct mapping *m)
{
	uint32_t pages = c->req.arg[1];

	if (pages == 0 || pages > LOCAL_MAP_MAX || c->req.len != pages * sizeof(uint32_t))
		return xen_fail(EINVAL, "%u pages in one map call: at most %u", pages,
				LOCAL_MAP_MAX);
	m->room = 4;
	m->map = calloc(1, sizeof(*m->map) + m->room * sizeof(m->map->shares[0]));
	m->runs = malloc(pages * sizeof(*m->runs));
	if (m->map == NULL || m->runs == NULL)
		return xen_fail(ENOMEM, "the server has no memory");
	return add_pages(c, m);
}

int
srv_map(struct srv_client *c)
{
	struct mapping m = {.map = NULL};
	int ret = make_mapping(c, &m);

	if (ret == 0)
		ret = reply_map(c, &m);
	if (ret == 0)
		ret = set_note(c, &m.map->note, m.map->shares[0], m.first_page);
	free(m.runs);
	if (ret < 0) {
		free(m.map);
		return ret;
	}
	for (uint32_t i = 0; i < m.map->count; i++)
		m.map->shares[i]->maps++;
	c->last_map = (c->last_map + 1) & LAST_REF;
	m.map->id = c->last_map;
	LIST_INSERT_HEAD(&c->maps, m.map, of_owner);
	return m.map->id;
}

static void
end_map(struct srv_map *map)
{
	LIST_REMOVE(map, of_owner);
	fire_note(&map->note);
	for (uint32_t i = 0; i < map->count; i++) {
		map->shares[i]->maps--;
		free_unused_share(map->shares[i]);
	}
	free(map);
}

int
srv_unmap(struct srv_client *c)
{
	struct srv_map *map;

	LIST_FOREACH(map, &c->maps, of_owner)
	{
		if (map->id == c->req.arg[0]) {
			end_map(map);
			return 0;
		}
	}
	return xen_fail(EINVAL, "%u is no map of this client", c->req.arg[0]);
}

void
srv_grants_release(struct srv_client *c)
{
	while (!LIST_EMPTY(&c->maps))
		end_map(LIST_FIRST(&c->maps));
	while (!LIST_EMPTY(&c->shares))
		end_share(LIST_FIRST(&c->shares));
}

/* The domain ends; what peers have mapped stays until they let go. */
void
srv_shares_detach(struct srv_domain *d)
{
	while (d->share_count > 0)
		take_out_share(d->shares[d->share_count - 1]);
}
