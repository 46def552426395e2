/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Nodes, with xenstored's permissions, quotas and errors. [XEN 1, 3] Domain 0 may do everything,
 * and nothing limits it.
 */
#include "local_srv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

static bool
allows(const struct node *n, uint16_t domid, enum srv_need need)
{
	if (need == SRV_NEED_OWNER)
		return domid == 0 || n->perms[0].domid == domid;
	return srv_may(n->perms, n->perm_count, domid, need == SRV_NEED_READ,
		       need == SRV_NEED_WRITE);
}

int
srv_reach(const struct tree *tree, uint16_t domid, const char *path, enum srv_need need,
	  const struct node **out)
{
	size_t len;
	const struct node *n = tree_closest(tree, path, &len);

	if (!allows(n, domid, need))
		return xen_fail(EACCES, "%s: domain %u may not %s it", path, domid,
				need == SRV_NEED_READ	 ? "read"
				: need == SRV_NEED_WRITE ? "write"
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
create_one(struct tree *tree, uint16_t domid, const char *path)
{
	if (domid != 0 && tree_owned(tree, domid) >= SRV_MAX_NODES)
		return xen_fail(ENOSPC, "%s: domain %u has %u nodes, which is the limit", path,
				domid, SRV_MAX_NODES);
	if (tree_create(tree, path, domid == 0 ? -1 : domid) < 0)
		return srv_no_memory();
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
	int ret = srv_reach(tree, domid, path, SRV_NEED_WRITE, NULL);

	return ret == -ENOENT ? create(tree, domid, path) : ret;
}

static int
apply_write(struct tree *tree, uint16_t domid, const struct srv_change *change)
{
	int ret = reach_or_create(tree, domid, change->path);

	if (ret < 0)
		return ret;
	if (tree_set_value(tree, change->path, change->value, change->len) < 0)
		return srv_no_memory();
	return check_size(tree, domid, change->path, strlen(change->path));
}

static int
apply_rm(struct tree *tree, uint16_t domid, const char *path)
{
	int ret;
	size_t have;

	if (strcmp(path, "/") == 0)
		return xen_fail(EINVAL, "the root cannot be removed");
	ret = srv_reach(tree, domid, path, SRV_NEED_WRITE, NULL);
	if (ret == 0)
		return tree_remove(tree, path) < 0 ? srv_no_memory() : 0;
	tree_closest(tree, path, &have);
	if (ret == -ENOENT && strrchr(path, '/') - path <= (ptrdiff_t)have)
		return 0;
	return ret;
}

static int
apply_perms(struct tree *tree, uint16_t domid, const struct srv_change *change)
{
	const struct node *n = NULL;
	int ret = srv_reach(tree, domid, change->path, SRV_NEED_OWNER, &n);

	if (ret < 0)
		return ret;
	if (domid != 0 && change->perm_count > SRV_MAX_PERMS)
		return xen_fail(ENOSPC, "%s: %u permissions: at most %u", change->path,
				change->perm_count, SRV_MAX_PERMS);
	if (domid != 0 && change->perms[0].domid != n->perms[0].domid)
		return xen_fail(EPERM, "%s: only domain 0 may change the owner", change->path);
	if (tree_set_perms(tree, change->path, change->perms, change->perm_count) < 0)
		return srv_no_memory();
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
		return srv_no_memory();
	ret = srv_apply(&now, domid, change);
	if (ret < 0)
		tree_free(&now);
	else
		srv_install(srv, domid, &now, change, 1);
	return ret;
}
