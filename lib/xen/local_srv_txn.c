/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Transactions. Each has the store as it was at its beginning, a version of it with its own
 * changes, the list of those, and the paths it looked at. At its end, when none of these paths was
 * changed by somebody else, the changes are made in the store of that moment, all or none.
 */
#include "local_srv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- sets of paths ---- */

/* 1: new in the set, 0: was in it. */
static int
add_path(struct srv_paths *set, const char *path, size_t len)
{
	uint32_t low = 0;
	uint32_t high = set->count;
	char *copy;

	while (low < high) {
		uint32_t mid = (low + high) / 2;
		int order = strncmp(set->v[mid], path, len);

		if (order == 0)
			order = set->v[mid][len] != '\0';
		if (order == 0)
			return 0;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (set->count == set->room) {
		uint32_t room = set->room == 0 ? 16 : 2 * set->room;
		char **v = realloc(set->v, room * sizeof(*v));

		if (v == NULL)
			return -ENOMEM;
		set->v = v;
		set->room = room;
	}
	copy = strndup(path, len);
	if (copy == NULL)
		return -ENOMEM;
	memmove(set->v + low + 1, set->v + low, (set->count - low) * sizeof(*set->v));
	set->v[low] = copy;
	set->count++;
	return 1;
}

static void
free_paths(struct srv_paths *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		free(set->v[i]);
	free(set->v);
	*set = (struct srv_paths){.v = NULL};
}

/* ---- one transaction ---- */

static struct srv_txn *
find_txn(struct srv_client *c)
{
	struct srv_txn *t;

	LIST_FOREACH(t, &c->txns, of_owner)
	{
		if (t->id == c->req.txn)
			return t;
	}
	xen_fail(ENOENT, "there is no transaction %u", c->req.txn);
	return NULL;
}

static void
free_txn(struct srv_txn *t)
{
	for (uint32_t i = 0; i < t->log_count; i++)
		free((char *)t->log[i].path);
	free(t->log);
	free_paths(&t->seen);
	tree_free(&t->base);
	tree_free(&t->view);
	free(t);
}

static int
see(struct srv_txn *t, uint16_t domid, const char *path, size_t len)
{
	bool full = domid != 0 && t->seen.count >= SRV_MAX_TXN_NODES;

	if (!full && add_path(&t->seen, path, len) >= 0)
		return 0;
	t->failed = true;
	if (full)
		return xen_fail(ENOSPC, "the transaction touches more than %u nodes",
				SRV_MAX_TXN_NODES);
	return srv_no_memory();
}

const struct tree *
srv_txn_view(struct srv_client *c, const char *path)
{
	struct srv_txn *t;

	if (c->req.txn == PVN_XEN_NO_TXN)
		return &c->srv->tree;
	t = find_txn(c);
	if (t == NULL || see(t, c->domain->id, path, strlen(path)) < 0)
		return NULL;
	return &t->view;
}

/* A copy whose path, value and permissions are in one block, which begins with the path. */
static int
copy_change(struct srv_change *copy, const struct srv_change *change)
{
	size_t perms = change->perm_count * sizeof(*change->perms);
	size_t path = strlen(change->path) + 1;
	char *block = malloc(path + change->len + perms);

	if (block == NULL)
		return -ENOMEM;
	*copy = *change;
	copy->path = memcpy(block, change->path, path);
	if (change->len > 0)
		copy->value = memcpy(block + path, change->value, change->len);
	if (perms > 0)
		copy->perms = memcpy(block + path + change->len, change->perms, perms);
	return 0;
}

static int
log_change(struct srv_txn *t, uint16_t domid, const struct srv_change *change)
{
	size_t bytes = sizeof(*change) + strlen(change->path) + change->len;

	if (domid != 0 && t->log_bytes + bytes > SRV_MAX_TXN_LOG) {
		t->failed = true;
		return xen_fail(ENOSPC, "the transaction's changes are larger than %u bytes",
				SRV_MAX_TXN_LOG);
	}
	if (t->log_count == t->log_room) {
		uint32_t room = t->log_room == 0 ? 16 : 2 * t->log_room;
		struct srv_change *log = realloc(t->log, room * sizeof(*log));

		if (log == NULL)
			return srv_no_memory();
		t->log = log;
		t->log_room = room;
	}
	if (copy_change(&t->log[t->log_count], change) < 0)
		return srv_no_memory();
	t->log_count++;
	t->log_bytes += bytes;
	return 0;
}

/* A change looks at the node, and where nodes come or go, at the one that gets or loses them. */
static int
see_change(struct srv_txn *t, uint16_t domid, const struct srv_change *change)
{
	const char *path = change->path;
	size_t len;
	int ret = see(t, domid, path, strlen(path));

	if (ret < 0)
		return ret;
	tree_closest(&t->view, path, &len);
	if (change->kind == SRV_RM && len == strlen(path)) {
		len = strrchr(path, '/') - path;
		len = len == 0 ? 1 : len;
	}
	return see(t, domid, path, len);
}

int
srv_txn_change(struct srv_client *c, const struct srv_change *change)
{
	uint16_t domid = c->domain->id;
	struct srv_txn *t = find_txn(c);
	struct tree now;
	int ret;

	if (t == NULL)
		return -ENOENT;
	ret = see_change(t, domid, change);
	if (ret < 0)
		return ret;
	if (tree_copy(&now, &t->view) < 0)
		return srv_no_memory();
	ret = srv_apply(&now, domid, change);
	if (ret == 0)
		ret = log_change(t, domid, change);
	if (ret < 0) {
		tree_free(&now);
		return ret;
	}
	tree_free(&t->view);
	t->view = now;
	return 0;
}

/* ---- begin and end ---- */

int
srv_txn_begin(struct srv_client *c)
{
	struct srv_txn *t;

	if (c->domain->id != 0 && c->domain->txn_count > SRV_MAX_TXNS)
		return xen_fail(ENOSPC, "domain %u has %u transactions, which is the limit",
				c->domain->id, SRV_MAX_TXNS);
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return srv_no_memory();
	if (tree_copy(&t->base, &c->srv->tree) < 0) {
		free(t);
		return srv_no_memory();
	}
	if (tree_copy(&t->view, &c->srv->tree) < 0) {
		tree_free(&t->base);
		free(t);
		return srv_no_memory();
	}
	c->last_txn = c->last_txn == INT32_MAX ? 1 : c->last_txn + 1;
	t->id = c->last_txn;
	LIST_INSERT_HEAD(&c->txns, t, of_owner);
	c->domain->txn_count++;
	return t->id;
}

static bool
changed(const struct tree *a, const struct tree *b, const char *path)
{
	const struct node *x = tree_find(a, path);
	const struct node *y = tree_find(b, path);

	return x == NULL || y == NULL ? x != y : x->gen != y->gen;
}

static int
commit(struct srv_client *c, const struct srv_txn *t)
{
	struct srv *srv = c->srv;
	struct tree now;
	int ret = 0;

	if (t->failed)
		return xen_fail(ENOMEM, "the transaction met a limit before");
	for (uint32_t i = 0; i < t->seen.count; i++)
		if (changed(&t->base, &srv->tree, t->seen.v[i]))
			return xen_fail(EAGAIN, "%s was changed by somebody else: begin again",
					t->seen.v[i]);
	if (tree_copy(&now, &srv->tree) < 0)
		return srv_no_memory();
	for (uint32_t i = 0; i < t->log_count && ret == 0; i++)
		ret = srv_apply(&now, c->domain->id, &t->log[i]);
	if (ret < 0)
		tree_free(&now);
	else
		srv_install(srv, c->domain->id, &now, t->log, t->log_count);
	return ret;
}

int
srv_txn_end(struct srv_client *c)
{
	struct srv_txn *t = find_txn(c);
	int ret = 0;

	if (t == NULL)
		return -ENOENT;
	LIST_REMOVE(t, of_owner);
	c->domain->txn_count--;
	if (c->req.arg[0] != 0)
		ret = commit(c, t);
	free_txn(t);
	return ret;
}

void
srv_txns_release(struct srv_client *c)
{
	while (!LIST_EMPTY(&c->txns)) {
		struct srv_txn *t = LIST_FIRST(&c->txns);

		LIST_REMOVE(t, of_owner);
		c->domain->txn_count--;
		free_txn(t);
	}
}

void
srv_install(struct srv *srv, uint16_t domid, struct tree *now, const struct srv_change *changes,
	    uint32_t count)
{
	struct tree old = srv->tree;
	struct srv_paths told = {.v = NULL};

	srv->tree = *now;
	for (uint32_t i = 0; i < count; i++)
		if (add_path(&told, changes[i].path, strlen(changes[i].path)) != 0)
			srv_fire(srv, &old, &srv->tree, changes[i].path);
	free_paths(&told);
	if (domid == 0 && changed(&old, &srv->tree, "/local/domain"))
		srv_domains_follow(srv);
	tree_free(&old);
}
