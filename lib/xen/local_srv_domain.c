/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Domains. One exists from its first client, or from when domain 0 makes its home, until domain 0
 * removes its home. Its home looks as libxl makes it for a guest. [XEN 3]
 */
#include "local_srv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOMES "/local/domain"

/* What a guest may write, and what it may only read. */
static const struct {
	const char *path;
	bool guest_owns;
} home_nodes[] = {
	{"", false},
	{"/domid", false},
	{"/name", false},
	{"/attr", true},
	{"/control", false},
	{"/control/shutdown", true},
	{"/data", true},
	{"/device", false},
	{"/device/suspend", false},
	{"/device/suspend/event-channel", true},
	{"/drivers", true},
	{"/error", true},
	{"/feature", true},
};

struct srv_domain *
srv_domain_find(struct srv *srv, uint16_t id)
{
	struct srv_domain *d;

	LIST_FOREACH(d, &srv->domains, next)
	{
		if (d->id == id)
			return d;
	}
	return NULL;
}

/* ---- beginning ---- */

static int
make_node(struct tree *tree, uint16_t id, const char *path, bool guest_owns)
{
	const struct pvn_xen_perm perms[2] = {{.domid = guest_owns ? id : 0},
					      {.domid = id, .read = true}};
	const struct srv_change mkdir = {.kind = SRV_MKDIR, .path = path};
	const struct srv_change set = {.kind = SRV_PERMS,
				       .path = path,
				       .perms = perms,
				       .perm_count = guest_owns || id == 0 ? 1 : 2};
	int ret = srv_apply(tree, 0, &mkdir);

	return ret < 0 ? ret : srv_apply(tree, 0, &set);
}

static int
make_value(struct tree *tree, const char *home, const char *name, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", home, name);
	return tree_set_value(tree, path, value, strlen(value));
}

static int
fill_home(struct tree *tree, uint16_t id, const char *home)
{
	char text[16];
	char path[64];
	int ret = 0;

	for (size_t i = 0; i < sizeof(home_nodes) / sizeof(home_nodes[0]) && ret == 0; i++) {
		snprintf(path, sizeof(path), "%s%s", home, home_nodes[i].path);
		ret = make_node(tree, id, path, home_nodes[i].guest_owns);
	}
	snprintf(text, sizeof(text), "%u", id);
	if (ret == 0)
		ret = make_value(tree, home, "domid", text);
	snprintf(text, sizeof(text), "local-%u", id);
	if (ret == 0)
		ret = make_value(tree, home, "name", text);
	return ret;
}

static int
make_home(struct srv *srv, uint16_t id)
{
	char home[32];
	const struct srv_change made = {.kind = SRV_MKDIR, .path = home};
	struct tree tree;
	int ret;

	snprintf(home, sizeof(home), HOMES "/%u", id);
	if (tree_copy(&tree, &srv->tree) < 0)
		return srv_no_memory();
	ret = fill_home(&tree, id, home);
	if (ret < 0) {
		tree_free(&tree);
		return ret;
	}
	srv_install(srv, id, &tree, &made, 1);
	return 0;
}

struct srv_domain *
srv_domain_get(struct srv *srv, uint16_t id)
{
	struct srv_domain *d = srv_domain_find(srv, id);
	int ret;

	if (d != NULL)
		return d;
	d = calloc(1, sizeof(*d));
	if (d == NULL) {
		srv_no_memory();
		return NULL;
	}
	d->id = id;
	LIST_INSERT_HEAD(&srv->domains, d, next);
	ret = make_home(srv, id);
	if (ret < 0) {
		LIST_REMOVE(d, next);
		free(d);
		errno = -ret;
		return NULL;
	}
	srv_fire_special(srv, SRV_INTRODUCE);
	return d;
}

/* ---- end ---- */

static void
free_domain(struct srv_domain *d)
{
	LIST_REMOVE(d, next);
	srv_shares_detach(d);
	free(d->shares);
	free(d->ports);
	free(d);
}

/* What it owned elsewhere goes, too, as xenstored does it. */
static void
remove_owned(struct srv *srv, uint16_t id)
{
	char path[PVN_XEN_PATH_MAX + 1];
	const struct srv_change rm = {.kind = SRV_RM, .path = path};

	while (tree_find_owned(&srv->tree, id, path))
		if (path[0] == '\0' || srv_change(srv, 0, &rm) < 0)
			return;
}

static void
end_domain(struct srv *srv, struct srv_domain *d)
{
	uint16_t id = d->id;
	struct srv_client *c;

	LIST_FOREACH(c, &srv->clients, next)
	{
		if (c->domain == d)
			srv_client_end(c);
	}
	free_domain(d);
	remove_owned(srv, id);
	srv_fire_special(srv, SRV_RELEASE);
}

void
srv_domains_free(struct srv *srv)
{
	while (!LIST_EMPTY(&srv->domains))
		free_domain(LIST_FIRST(&srv->domains));
}

/* ---- what domain 0 does in the store ---- */

/* The id that a node below HOMES stands for, or -1. */
static int
home_id(const char *name)
{
	char canonical[16];
	long id = strtol(name, NULL, 10);

	snprintf(canonical, sizeof(canonical), "%ld", id);
	return id > 0 && id < 0x7FF0 && strcmp(name, canonical) == 0 ? (int)id : -1;
}

static struct srv_domain *
homeless(struct srv *srv)
{
	struct srv_domain *d;
	char home[32];

	LIST_FOREACH(d, &srv->domains, next)
	{
		snprintf(home, sizeof(home), HOMES "/%u", d->id);
		if (d->id != 0 && tree_find(&srv->tree, home) == NULL)
			return d;
	}
	return NULL;
}

/* A home without a domain, or -1. */
static int
new_home(const struct srv *srv)
{
	const struct node *homes = tree_find(&srv->tree, HOMES);

	for (uint32_t i = 0; homes != NULL && i < homes->child_count; i++) {
		int id = home_id(homes->child[i]->name);

		if (id >= 0 && srv_domain_find((struct srv *)srv, id) == NULL)
			return id;
	}
	return -1;
}

void
srv_domains_follow(struct srv *srv)
{
	struct srv_domain *d;
	int id;

	while ((d = homeless(srv)) != NULL)
		end_domain(srv, d);
	while ((id = new_home(srv)) >= 0)
		if (srv_domain_get(srv, id) == NULL)
			return;
}
