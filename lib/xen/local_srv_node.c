/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Requests about nodes.
 */
#include "local_srv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- calls that change ---- */

static int
change(struct srv_client *c, struct srv_change *change, size_t path_len)
{
	char *path = srv_path(c, change->path, path_len);
	int ret;

	if (path == NULL)
		return -errno;
	change->path = path;
	if (srv_special(path) >= 0)
		ret = xen_fail(EINVAL, "%s is no node", path);
	else if (c->req.txn != PVN_XEN_NO_TXN)
		ret = srv_txn_change(c, change);
	else
		ret = srv_change(c->srv, c->domain->id, change);
	free(path);
	return ret;
}

int
srv_write(struct srv_client *c)
{
	size_t path_len = strnlen(c->body, c->req.len);
	struct srv_change write = {.kind = SRV_WRITE, .path = c->body};

	if (path_len == c->req.len)
		return xen_fail(EINVAL, "a write without a value");
	write.value = c->body + path_len + 1;
	write.len = c->req.len - path_len - 1;
	if (write.len > PVN_XEN_VALUE_MAX)
		return xen_fail(E2BIG, "a value of %zu bytes: at most %d", write.len,
				PVN_XEN_VALUE_MAX);
	return change(c, &write, path_len);
}

int
srv_mkdir(struct srv_client *c)
{
	struct srv_change mkdir = {.kind = SRV_MKDIR, .path = c->body};

	return change(c, &mkdir, c->req.len);
}

int
srv_rm(struct srv_client *c)
{
	struct srv_change rm = {.kind = SRV_RM, .path = c->body};

	return change(c, &rm, c->req.len);
}

static int
set_special_perms(struct srv_client *c, int which, const struct srv_change *set)
{
	struct srv_special *s = &c->srv->special[which];

	if (c->domain->id != 0)
		return xen_fail(EACCES, "only domain 0 may do that");
	if (set->perm_count > SRV_MAX_PERMS)
		return xen_fail(ENOSPC, "%u permissions: at most %u", set->perm_count,
				SRV_MAX_PERMS);
	memcpy(s->perms, set->perms, set->perm_count * sizeof(*s->perms));
	s->perm_count = set->perm_count;
	return 0;
}

int
srv_set_perms(struct srv_client *c)
{
	struct pvn_xen_perm perms[64];
	struct srv_change set = {.kind = SRV_PERMS, .perms = perms, .perm_count = c->req.arg[0]};
	size_t words = (size_t)set.perm_count * sizeof(uint32_t);

	if (set.perm_count == 0 || set.perm_count > 64 || words > c->req.len)
		return xen_fail(EINVAL, "%u permissions: expected 1..64", set.perm_count);
	for (uint32_t i = 0; i < set.perm_count; i++) {
		uint32_t word;

		memcpy(&word, c->body + i * sizeof(word), sizeof(word));
		perms[i] = (struct pvn_xen_perm){.domid = word & LOCAL_PERM_DOMID,
						 .read = (word & LOCAL_PERM_READ) != 0,
						 .write = (word & LOCAL_PERM_WRITE) != 0};
	}
	set.path = c->body + words;
	if (srv_special(set.path) >= 0)
		return set_special_perms(c, srv_special(set.path), &set);
	return change(c, &set, c->req.len - words);
}

/* ---- calls that look ---- */

/* The node that the request's path names, if the client may read it. */
static int
look(struct srv_client *c, const struct node **n)
{
	char *path = srv_path(c, c->body, c->req.len);
	const struct tree *tree;
	int ret;

	if (path == NULL)
		return -errno;
	tree = NULL;
	if (srv_special(path) < 0)
		tree = srv_txn_view(c, path);
	else
		xen_fail(EINVAL, "%s is no node", path);
	ret = tree == NULL ? -errno : srv_reach(tree, c->domain->id, path, SRV_NEED_READ, n);
	free(path);
	return ret;
}

int
srv_read(struct srv_client *c)
{
	const struct node *n = NULL;
	int ret = look(c, &n);
	char *value;

	if (ret < 0)
		return ret;
	value = malloc(n->len + 1);
	if (value == NULL)
		return srv_no_memory();
	memcpy(value, n->value, n->len);
	srv_reply_body(c, value, n->len);
	return 0;
}

int
srv_list(struct srv_client *c)
{
	const struct node *n = NULL;
	int ret = look(c, &n);
	size_t len = 0;
	char *names;
	char *p;

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < n->child_count; i++)
		len += strlen(n->child[i]->name) + 1;
	names = malloc(len + 1);
	if (names == NULL)
		return srv_no_memory();
	p = names;
	for (uint32_t i = 0; i < n->child_count; i++)
		p = stpcpy(p, n->child[i]->name) + 1;
	srv_reply_body(c, names, len);
	return n->child_count;
}

static int
reply_perms(struct srv_client *c, const struct pvn_xen_perm *perms, uint32_t count)
{
	uint32_t *words = malloc(count * sizeof(*words));

	if (words == NULL)
		return srv_no_memory();
	for (uint32_t i = 0; i < count; i++)
		words[i] = perms[i].domid | (perms[i].read ? LOCAL_PERM_READ : 0) |
			   (perms[i].write ? LOCAL_PERM_WRITE : 0);
	srv_reply_body(c, words, count * sizeof(*words));
	return count;
}

int
srv_get_perms(struct srv_client *c)
{
	const struct node *n = NULL;
	int which = srv_special(c->body);
	int ret;

	if (which >= 0)
		return reply_perms(c, c->srv->special[which].perms,
				   c->srv->special[which].perm_count);
	ret = look(c, &n);
	return ret < 0 ? ret : reply_perms(c, n->perms, n->perm_count);
}
