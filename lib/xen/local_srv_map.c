/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Pages that are mapped. The reply to a map call is a list of runs: of pages that follow each other
 * in one share, so that a client maps a whole pool at once, however long its list of references.
 */
#include "local_srv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
			return srv_no_memory();
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
	struct srv_share *s = srv_ref_find(peer, ref, page);

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
		return srv_no_memory();
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
		return srv_no_memory();
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
		ret = srv_note_set(c, &m.map->note, m.map->shares[0], m.first_page);
	free(m.runs);
	if (ret < 0) {
		free(m.map);
		return ret;
	}
	for (uint32_t i = 0; i < m.map->count; i++)
		m.map->shares[i]->maps++;
	c->last_map = (c->last_map + 1) & INT32_MAX;
	m.map->id = c->last_map;
	LIST_INSERT_HEAD(&c->maps, m.map, of_owner);
	return m.map->id;
}

static void
end_map(struct srv_map *map)
{
	LIST_REMOVE(map, of_owner);
	srv_note_fire(&map->note);
	for (uint32_t i = 0; i < map->count; i++) {
		map->shares[i]->maps--;
		srv_share_free_unused(map->shares[i]);
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
srv_maps_release(struct srv_client *c)
{
	while (!LIST_EMPTY(&c->maps))
		end_map(LIST_FIRST(&c->maps));
}
