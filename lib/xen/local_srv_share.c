/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Pages that are shared. A share is a memfd of fixed size. Its references go up from the domain's
 * last ones, and are used again only after 2^31 of them. They leave out a number now and then, as a
 * reference list of Xen may: nobody should rely on their being consecutive.
 *
 * We hold the memory as long as somebody may look at it: the granter until it takes the share back,
 * each mapper until it unmaps; so it counts against the granter's limit as it does in Xen.
 */
#include "local_srv.h"

#include <errno.h>
#include <fcntl.h>
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

struct srv_share *
srv_ref_find(const struct srv_domain *d, uint32_t ref, uint32_t *page)
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
			return srv_no_memory();
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

int
srv_note_set(struct srv_client *c, struct srv_note *note, struct srv_share *s, uint32_t page)
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
void
srv_note_fire(struct srv_note *note)
{
	ssize_t n;

	if (note->share == NULL)
		return;
	n = pwrite(note->share->fd, "", 1, note->offset);
	(void)n; /* it lacks memory only for a page that nobody has touched: the byte is 0 */
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

void
srv_share_free_unused(struct srv_share *s)
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
			"with: pvnctl local serve --share-pages N",
			pages, c->domain->id, used, limit);
}

static int
reply_share(struct srv_client *c, const struct srv_share *s)
{
	uint32_t *refs = malloc(s->pages * sizeof(*refs));

	if (refs == NULL)
		return srv_no_memory();
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
		return srv_no_memory();
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
		ret = srv_note_set(c, &s->note, s, 0);
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
	srv_note_fire(&s->note);
	srv_share_free_unused(s);
}

int
srv_unshare(struct srv_client *c)
{
	uint32_t page;
	struct srv_share *s = srv_ref_find(c->domain, c->req.arg[0], &page);

	if (s == NULL || s->owner != c || page != 0)
		return xen_fail(EINVAL, "%u is no share of this client", c->req.arg[0]);
	end_share(s);
	return 0;
}

/* The domain ends; what peers have mapped stays until they let go. */
void
srv_shares_detach(struct srv_domain *d)
{
	while (d->share_count > 0)
		take_out_share(d->shares[d->share_count - 1]);
}

void
srv_shares_release(struct srv_client *c)
{
	while (!LIST_EMPTY(&c->shares))
		end_share(LIST_FIRST(&c->shares));
}
