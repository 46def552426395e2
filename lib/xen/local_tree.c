/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "local_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t
next_gen(void)
{
	static uint64_t gen;

	return __atomic_add_fetch(&gen, 1, __ATOMIC_RELAXED);
}

/* ---- nodes ---- */

static void
node_put(struct node *n)
{
	if (n == NULL || --n->refs > 0)
		return;
	for (uint32_t i = 0; i < n->child_count; i++)
		node_put(n->child[i]);
	free(n->name);
	free(n->value);
	free(n->perms);
	free(n->child);
	free(n);
}

/* `len` bytes and a NUL, also for 0 bytes. */
static char *
copy_bytes(const void *data, size_t len)
{
	char *p = malloc(len + 1);

	if (p == NULL)
		return NULL;
	if (len > 0)
		memcpy(p, data, len);
	p[len] = '\0';
	return p;
}

static struct node *
node_new(const char *name, size_t name_len, const struct pvn_xen_perm *perms, uint32_t perm_count)
{
	struct node *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->refs = 1;
	n->gen = next_gen();
	n->name = copy_bytes(name, name_len);
	n->value = copy_bytes("", 0);
	n->perms = (struct pvn_xen_perm *)copy_bytes(perms, perm_count * sizeof(*perms));
	n->perm_count = perm_count;
	if (n->name != NULL && n->value != NULL && n->perms != NULL)
		return n;
	node_put(n);
	return NULL;
}

static struct node *
node_clone(const struct node *from)
{
	struct node *n = node_new(from->name, strlen(from->name), from->perms, from->perm_count);
	char *value;

	if (n == NULL)
		return NULL;
	n->gen = from->gen;
	value = copy_bytes(from->value, from->len);
	n->child = malloc((from->child_count + 1) * sizeof(*n->child));
	if (value == NULL || n->child == NULL) {
		free(value);
		node_put(n);
		return NULL;
	}
	free(n->value);
	n->value = value;
	n->len = from->len;
	for (; n->child_count < from->child_count; n->child_count++) {
		n->child[n->child_count] = from->child[n->child_count];
		n->child[n->child_count]->refs++;
	}
	return n;
}

/* Index of the child with this name, or where it would be. */
static uint32_t
child_index(const struct node *n, const char *name, size_t len, bool *found)
{
	uint32_t low = 0;
	uint32_t high = n->child_count;

	*found = false;
	while (low < high && !*found) {
		uint32_t mid = (low + high) / 2;
		int order = strncmp(n->child[mid]->name, name, len);

		if (order == 0)
			order = n->child[mid]->name[len] != '\0';
		*found = order == 0;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return high;
}

/* ---- paths ---- */

/* The next part of a path: moves *path behind it. False at the end. */
static bool
next_part(const char **path, const char **part, size_t *len)
{
	if (**path == '/')
		(*path)++;
	*part = *path;
	*len = strcspn(*path, "/");
	*path += *len;
	return *len > 0;
}

const struct node *
tree_closest(const struct tree *tree, const char *path, size_t *len)
{
	const struct node *n = tree->root;
	const char *p = path;
	const char *part;
	size_t part_len;

	*len = 1;
	while (next_part(&p, &part, &part_len)) {
		bool found;
		uint32_t i = child_index(n, part, part_len, &found);

		if (!found)
			break;
		n = n->child[i];
		*len = p - path;
	}
	return n;
}

const struct node *
tree_find(const struct tree *tree, const char *path)
{
	size_t len;
	const struct node *n = tree_closest(tree, path, &len);

	return len == strlen(path) ? n : NULL;
}

/* Makes the node in this place ours alone, so that it may be changed. */
static struct node *
own(struct node **place)
{
	struct node *n = *place;

	if (n->refs == 1)
		return n;
	n = node_clone(n);
	if (n == NULL)
		return NULL;
	node_put(*place);
	*place = n;
	return n;
}

/* The first `path_len` bytes of the path name a node that exists: it, to be changed. */
static struct node *
edit(struct tree *tree, const char *path, size_t path_len)
{
	struct node *n = own(&tree->root);
	const char *p = path;
	const char *part;
	size_t len;

	while (n != NULL && p < path + path_len && next_part(&p, &part, &len)) {
		bool found;
		uint32_t i = child_index(n, part, len, &found);

		n = found ? own(&n->child[i]) : NULL;
	}
	return n;
}

/* ---- tally ---- */

static int
count_node(struct tree *tree, uint16_t domid, int change)
{
	struct tally *t = tree->tally;

	for (uint32_t i = 0; i < tree->tally_count; i++) {
		if (t[i].domid == domid) {
			t[i].nodes += change;
			return 0;
		}
	}
	t = realloc(t, (tree->tally_count + 1) * sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	tree->tally = t;
	t[tree->tally_count++] = (struct tally){.domid = domid, .nodes = change};
	return 0;
}

static void
count_removed(struct tree *tree, const struct node *n)
{
	count_node(tree, n->perms[0].domid, -1);
	for (uint32_t i = 0; i < n->child_count; i++)
		count_removed(tree, n->child[i]);
}

uint32_t
tree_owned(const struct tree *tree, uint16_t domid)
{
	for (uint32_t i = 0; i < tree->tally_count; i++)
		if (tree->tally[i].domid == domid)
			return tree->tally[i].nodes;
	return 0;
}

static bool
find_owned(const struct node *n, uint16_t domid, char *buf, size_t len)
{
	bool found = n->perms[0].domid == domid;

	for (uint32_t i = 0; i < n->child_count && !found; i++) {
		const char *name = n->child[i]->name;
		size_t name_len = strlen(name);

		if (len + 1 + name_len > PVN_XEN_PATH_MAX)
			continue;
		buf[len] = '/';
		memcpy(buf + len + 1, name, name_len + 1);
		found = find_owned(n->child[i], domid, buf, len + 1 + name_len);
	}
	return found;
}

bool
tree_find_owned(const struct tree *tree, uint16_t domid, char *buf)
{
	return tree_owned(tree, domid) > 0 && find_owned(tree->root, domid, buf, 0);
}

/* ---- trees ---- */

int
tree_init(struct tree *tree)
{
	const struct pvn_xen_perm perm = {.domid = 0};

	*tree = (struct tree){.root = node_new("", 0, &perm, 1)};
	if (tree->root != NULL && count_node(tree, 0, 1) == 0)
		return 0;
	tree_free(tree);
	return -ENOMEM;
}

int
tree_copy(struct tree *copy, const struct tree *tree)
{
	*copy = *tree;
	copy->tally = malloc((tree->tally_count + 1) * sizeof(*copy->tally));
	if (copy->tally == NULL)
		return -ENOMEM;
	memcpy(copy->tally, tree->tally, tree->tally_count * sizeof(*copy->tally));
	copy->root->refs++;
	return 0;
}

void
tree_free(struct tree *tree)
{
	node_put(tree->root);
	free(tree->tally);
	*tree = (struct tree){.root = NULL};
}

/* ---- changes ---- */

static int
insert_child(struct node *parent, uint32_t at, struct node *child)
{
	struct node **v = realloc(parent->child, (parent->child_count + 1) * sizeof(*v));

	if (v == NULL)
		return -ENOMEM;
	memmove(v + at + 1, v + at, (parent->child_count - at) * sizeof(*v));
	v[at] = child;
	parent->child = v;
	parent->child_count++;
	parent->gen = next_gen();
	return 0;
}

/* Length of the path's parent's path, and the last part. */
static size_t
split(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');

	*name = slash + 1;
	return slash - path;
}

int
tree_create(struct tree *tree, const char *path, int owner)
{
	const char *name;
	struct node *parent = edit(tree, path, split(path, &name));
	struct node *n;
	uint32_t at;
	bool found;

	if (parent == NULL)
		return -ENOMEM;
	at = child_index(parent, name, strlen(name), &found);
	if (found)
		return -EEXIST;
	n = node_new(name, strlen(name), parent->perms, parent->perm_count);
	if (n == NULL)
		return -ENOMEM;
	if (owner >= 0)
		n->perms[0].domid = owner;
	if (count_node(tree, n->perms[0].domid, 1) < 0 || insert_child(parent, at, n) < 0) {
		node_put(n);
		return -ENOMEM;
	}
	return 0;
}

int
tree_remove(struct tree *tree, const char *path)
{
	const char *name;
	struct node *parent = edit(tree, path, split(path, &name));
	uint32_t at;
	bool found;

	if (parent == NULL)
		return -ENOMEM;
	at = child_index(parent, name, strlen(name), &found);
	if (!found)
		return -ENOENT;
	count_removed(tree, parent->child[at]);
	node_put(parent->child[at]);
	parent->child_count--;
	memmove(parent->child + at, parent->child + at + 1,
		(parent->child_count - at) * sizeof(*parent->child));
	parent->gen = next_gen();
	return 0;
}

int
tree_set_value(struct tree *tree, const char *path, const char *value, size_t len)
{
	struct node *n = edit(tree, path, strlen(path));
	char *copy = copy_bytes(value, len);

	if (n == NULL || copy == NULL) {
		free(copy);
		return -ENOMEM;
	}
	free(n->value);
	n->value = copy;
	n->len = len;
	n->gen = next_gen();
	return 0;
}

int
tree_set_perms(struct tree *tree, const char *path, const struct pvn_xen_perm *perms,
	       uint32_t count)
{
	struct node *n = edit(tree, path, strlen(path));
	struct pvn_xen_perm *copy;

	copy = (struct pvn_xen_perm *)copy_bytes(perms, count * sizeof(*perms));
	if (n == NULL || copy == NULL || count_node(tree, perms[0].domid, 1) < 0) {
		free(copy);
		return -ENOMEM;
	}
	count_node(tree, n->perms[0].domid, -1);
	free(n->perms);
	n->perms = copy;
	n->perm_count = count;
	n->gen = next_gen();
	return 0;
}
