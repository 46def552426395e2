/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Nodes, with xenstored's permissions, quotas and errors. [XEN 1, 3] Domain 0 may do everything,
 * and nothing limits it.
 */
#include "local_srv.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- paths ---- */

int
srv_special(const char *path)
{
	if (strcmp(path, "@introduceDomain") == 0)
		return SRV_INTRODUCE;
	return strcmp(path, "@releaseDomain") == 0 ? SRV_RELEASE : -1;
}

/* Of an absolute path: letters, digits, - _ @ between single slashes, none at the end. */
static bool
is_correct(const char *path)
{
	size_t len = strlen(path);

	if (path[0] != '/' || len > PVN_XEN_PATH_MAX || (len > 1 && path[len - 1] == '/'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (path[i] == '/' && path[i + 1] == '/')
			return false;
		if (!isalnum((unsigned char)path[i]) && strchr("/-_@", path[i]) == NULL)
			return false;
	}
	return true;
}

char *
srv_path(const struct srv_client *c, const char *path, size_t len)
{
	char *full = NULL;
	int ret = 0;

	if (memchr(path, '\0', len) != NULL || len > PVN_XEN_PATH_MAX ||
	    (path[0] != '/' && len > SRV_MAX_REL_PATH))
		ret = -1;
	else if (path[0] == '/' || srv_special(path) >= 0)
		full = strdup(path);
	else if (asprintf(&full, "/local/domain/%u/%s", c->domain->id, path) < 0)
		full = NULL;
	if (ret >= 0 && full == NULL)
		ret = xen_fail(ENOMEM, "the server has no memory");
	else if (ret < 0 || (srv_special(full) < 0 && !is_correct(full)))
		ret = xen_fail(EINVAL,
			       "'%.80s' is no path: letters, digits, - _ @ and single "
			       "slashes, none at the end",
			       path);
	if (ret >= 0)
		return full;
	free(full);
	errno = -ret;
	return NULL;
}

/* ---- permissions ---- */

bool
srv_may(const struct pvn_xen_perm *perms, uint32_t count, uint16_t domid, bool read, bool write)
{
	const struct pvn_xen_perm *p = &perms[0];

	if (domid == 0 || domid == perms[0].domid)
		return true;
	for (uint32_t i = 1; i < count; i++) {
		if (perms[i].domid == domid) {
			p = &perms[i];
			break;
		}
	}
	return (p->read || !read) && (p->write || !write);
}

enum need {
	NEED_READ,
	NEED_WRITE,
	NEED_OWNER,
};

static bool
allows(const struct node *n, uint16_t domid, enum need need)
{
	if (need == NEED_OWNER)
		return domid == 0 || n->perms[0].domid == domid;
	return srv_may(n->perms, n->perm_count, domid, need == NEED_READ, need == NEED_WRITE);
}

/* Whether a node is missing is only told to whom may look at the nearest one above. */
static int
reach(const struct tree *tree, uint16_t domid, const char *path, enum need need,
      const struct node **out)
{
	size_t len;
	const struct node *n = tree_closest(tree, path, &len);

	if (!allows(n, domid, need))
		return xen_fail(EACCES, "%s: domain %u may not %s it", path, domid,
				need == NEED_READ    ? "read"
				: need == NEED_WRITE ? "write"
						     : "set permissions of");
	if (len != strlen(path))
		return xen_fail(ENOENT, "%s does not exist", path);
	if (out != NULL)
		*out = n;
	return 0;
}

/* ---- changes ---- */

/* xenstored counts a header, 8 bytes for each permission, the value and the children's names. */
static int
check_size(const struct tree *tree, uint16_t domid, const char *path, size_t path_len)
{
	char copy[PVN_XEN_PATH_MAX + 1];
	const struct node *n;
	size_t size;

	snprintf(copy, sizeof(copy), "%.*s", path_len == 0 ? 1 : (int)path_len, path);
	n = tree_find(tree, copy);
	if (domid == 0 || n == NULL)
		return 0;
	size = 24 + 8 * (size_t)n->perm_count + n->len;
	for (uint32_t i = 0; i < n->child_count; i++)
		size += strlen(n->child[i]->name) + 1;
	if (size <= SRV_MAX_NODE_SIZE)
		return 0;
	return xen_fail(ENOSPC,
			"%s: %zu bytes of value, permissions and names of children: at "
			"most %u",
			copy, size, SRV_MAX_NODE_SIZE);
}

static int
no_memory(void)
{
	return xen_fail(ENOMEM, "the server has no memory");
}

static int
create_one(struct tree *tree, uint16_t domid, const char *path)
{
	if (domid != 0 && tree_owned(tree, domid) >= SRV_MAX_NODES)
		return xen_fail(ENOSPC, "%s: domain %u has %u nodes, which is the limit", path,
				domid, SRV_MAX_NODES);
	if (tree_create(tree, path, domid == 0 ? -1 : domid) < 0)
		return no_memory();
	return check_size(tree, domid, path, strrchr(path, '/') - path);
}

/* The node, and what is missing above it. */
static int
create(struct tree *tree, uint16_t domid, const char *path)
{
	char part[PVN_XEN_PATH_MAX + 1];
	size_t have;
	size_t len = strlen(path);
	int ret = 0;

	tree_closest(tree, path, &have);
	while (have < len && ret == 0) {
		have++;
		have += strcspn(path + have, "/");
		snprintf(part, sizeof(part), "%.*s", (int)have, path);
		ret = create_one(tree, domid, part);
	}
	return ret;
}

static int
reach_or_create(struct tree *tree, uint16_t domid, const char *path)
{
	int ret = reach(tree, domid, path, NEED_WRITE, NULL);

	return ret == -ENOENT ? create(tree, domid, path) : ret;
}

static int
apply_write(struct tree *tree, uint16_t domid, const struct srv_change *change)
{
	int ret = reach_or_create(tree, domid, change->path);

	if (ret < 0)
		return ret;
	if (tree_set_value(tree, change->path, change->value, change->len) < 0)
		return no_memory();
	return check_size(tree, domid, change->path, strlen(change->path));
}

static int
apply_rm(struct tree *tree, uint16_t domid, const char *path)
{
	int ret;
	size_t have;

	if (strcmp(path, "/") == 0)
		return xen_fail(EINVAL, "the root cannot be removed");
	ret = reach(tree, domid, path, NEED_WRITE, NULL);
	if (ret == 0)
		return tree_remove(tree, path) < 0 ? no_memory() : 0;
	tree_closest(tree, path, &have);
	if (ret == -ENOENT && strrchr(path, '/') - path <= (ptrdiff_t)have)
		return 0;
	return ret;
}

static int
apply_perms(struct tree *tree, uint16_t domid, const struct srv_change *change)
{
	const struct node *n = NULL;
	int ret = reach(tree, domid, change->path, NEED_OWNER, &n);

	if (ret < 0)
		return ret;
	if (domid != 0 && change->perm_count > SRV_MAX_PERMS)
		return xen_fail(ENOSPC, "%s: %u permissions: at most %u", change->path,
				change->perm_count, SRV_MAX_PERMS);
	if (domid != 0 && change->perms[0].domid != n->perms[0].domid)
		return xen_fail(EPERM, "%s: only domain 0 may change the owner", change->path);
	if (tree_set_perms(tree, change->path, change->perms, change->perm_count) < 0)
		return no_memory();
	return check_size(tree, domid, change->path, strlen(change->path));
}

int
srv_apply(struct tree *tree, uint16_t domid, const struct srv_change *change)
{
	switch (change->kind) {
	case SRV_WRITE:
		return apply_write(tree, domid, change);
	case SRV_MKDIR:
		return reach_or_create(tree, domid, change->path);
	case SRV_RM:
		return apply_rm(tree, domid, change->path);
	default:
		return apply_perms(tree, domid, change);
	}
}

int
srv_change(struct srv *srv, uint16_t domid, const struct srv_change *change)
{
	struct tree now;
	int ret;

	if (tree_copy(&now, &srv->tree) < 0)
		return no_memory();
	ret = srv_apply(&now, domid, change);
	if (ret < 0)
		tree_free(&now);
	else
		srv_install(srv, domid, &now, change, 1);
	return ret;
}

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
	ret = tree == NULL ? -errno : reach(tree, c->domain->id, path, NEED_READ, n);
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
		return no_memory();
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
		return no_memory();
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
		return no_memory();
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
