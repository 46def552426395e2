/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The nodes of a store, as a tree whose versions share what is equal in them: a copy costs one
 * reference, a change copies the nodes from the root down to the changed one, if another version
 * has them, too. So a transaction is a copy, and a change that fails half-way is thrown away.
 *
 * Permissions and quotas are the callers' business. Paths are absolute and correct: see
 * local_srv_path.c. Functions return 0 or a negative errno.
 */
#ifndef LOCAL_TREE_H
#define LOCAL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pvn_xen.h"

struct node {
	uint32_t refs;
	uint32_t len;
	uint32_t perm_count;
	uint32_t child_count;
	uint64_t
		gen; /* another number after each change of value, permissions or set of children */
	char *name;
	char *value;
	struct pvn_xen_perm *perms;
	struct node **child; /* sorted by name */
};

/* How many nodes a domain owns. */
struct tally {
	uint16_t domid;
	uint32_t nodes;
};

struct tree {
	struct node *root;
	struct tally *tally;
	uint32_t tally_count;
};

int tree_init(struct tree *tree);
int tree_copy(struct tree *copy, const struct tree *tree);
void tree_free(struct tree *tree);

/* The node, or NULL. */
const struct node *tree_find(const struct tree *tree, const char *path);

/* The node, or the nearest above it that exists; *len is the length of that one's path. */
const struct node *tree_closest(const struct tree *tree, const char *path, size_t *len);

uint32_t tree_owned(const struct tree *tree, uint16_t domid);

/* Path of a node that the domain owns, into buf[PVN_XEN_PATH_MAX + 1]; false if it owns none. */
bool tree_find_owned(const struct tree *tree, uint16_t domid, char *buf);

/* A node whose parent exists. It inherits the parent's permissions; `owner` is its own, negative:
 * inherited, too.
 */
int tree_create(struct tree *tree, const char *path, int owner);

/* Of nodes that exist. */
int tree_remove(struct tree *tree, const char *path);
int tree_set_value(struct tree *tree, const char *path, const char *value, size_t len);
int tree_set_perms(struct tree *tree, const char *path, const struct pvn_xen_perm *perms,
		   uint32_t count);

#endif /* LOCAL_TREE_H */
