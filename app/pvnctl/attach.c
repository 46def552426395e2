/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Makes a device: both directories, with everything that the toolstack writes into them, in one
 * transaction, which also finds out what stands against it. It reads no node that a guest may
 * write: a guest that writes without end could make it fail for ever.
 *
 * Rights. Each directory and each node in it belongs to the domain whose end it is, and may be read
 * by the other end's; nobody else may do anything. The directories above belong to domain 0, and
 * may be read by the domain in whose home they are.
 */
#include "device.h"

#include <errno.h>
#include <sys/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <xenvirt.h>

#include "command.h"

struct step {
	struct attach *attach;
	struct pvn_xen *x;
	uint32_t txn;
	struct domain back;
	const char *kind; /* of the devices whose addresses are looked at */
};

/* ---- what stands against it ---- */

static int
found_mac(void *arg, uint16_t back_id, uint16_t front_id, uint16_t handle)
{
	struct step *s = arg;
	char dir[DEVICE_PATH_MAX], front[DEVICE_PATH_MAX], mac[24];

	snprintf(dir, sizeof(dir), DOMAIN_HOMES "/%u/backend/%s/%u/%u", back_id, s->kind, front_id,
		 handle);
	if (pvn_xenbus_read(s->x, s->txn, dir, "mac", mac, sizeof(mac)) < 0 ||
	    strcasecmp(mac, s->attach->settings.value[SETTING_MAC]) != 0)
		return 0;
	snprintf(front, sizeof(front), XENVIRT_FRONT_DIR, front_id, handle);
	if (strcmp(s->kind, "vif") == 0)
		return ctl_fail("mac %s is in use by vif %u of domain %u: choose another", mac,
				handle, front_id);
	if (!node_exists(s->x, s->txn, front))
		return ctl_fail("mac %s was that of device %u of domain %u, which is gone: remove "
				"what is left with: pvnctl xen detach %u --handle %u",
				mac, handle, front_id, front_id, handle);
	return ctl_fail("mac %s is in use by device %u of domain %u: choose another", mac, handle,
			front_id);
}

/* An address is used once among the guests of a back end, and by none of Xen's own devices. */
static int
check_mac(struct step *s)
{
	uint16_t *ids;
	int n, ret;

	s->kind = XENVIRT_TYPE;
	ret = walk_backs(s->x, s->txn, s->back.id, s->kind, found_mac, s);
	if (ret < 0)
		return ret;
	n = list_ids(s->x, s->txn, DOMAIN_HOMES, &ids);
	if (n < 0)
		return n;
	s->kind = "vif";
	for (int i = 0; i < n && ret == 0; i++)
		ret = walk_backs(s->x, s->txn, ids[i], s->kind, found_mac, s);
	free(ids);
	return ret;
}

static int
find_domains(struct step *s)
{
	struct attach *a = s->attach;
	int ret = domain_find(s->x, s->txn, a->domain, &a->front);

	if (ret == 0)
		ret = domain_find(s->x, s->txn, a->backend, &s->back);
	if (ret == 0 && a->front.id == s->back.id)
		ret = ctl_fail("domain %u cannot be its own back end: choose another domain with "
			       "--backend",
			       a->front.id);
	a->device.front_id = a->front.id;
	a->device.back_id = s->back.id;
	return ret;
}

/* A directory at either end uses the number; the back end's may be left from an earlier domain. */
static bool
handle_used(struct step *s, uint16_t handle)
{
	struct device *d = &s->attach->device;

	d->handle = handle;
	device_paths(d);
	return node_exists(s->x, s->txn, d->front) || node_exists(s->x, s->txn, d->back);
}

static int
choose_handle(struct step *s)
{
	const struct attach *a = s->attach;
	uint32_t handle = 0;

	if (a->handle < 0) {
		while (handle <= UINT16_MAX && handle_used(s, handle))
			handle++;
		if (handle <= UINT16_MAX)
			return 0;
		return ctl_fail("domain %u has all devices that are possible", a->front.id);
	}
	if (!handle_used(s, a->handle))
		return 0;
	if (node_exists(s->x, s->txn, a->device.front))
		return ctl_fail("domain %u has a device %d already: choose another --handle",
				a->front.id, a->handle);
	return ctl_fail("device %d of an earlier domain %u was left in %s: remove it with: pvnctl "
			"xen detach %u --handle %d",
			a->handle, a->front.id, a->device.back, a->front.id, a->handle);
}

/* ---- making it ---- */

static int
set_owner(struct step *s, const char *path, uint16_t owner, uint16_t reader)
{
	const struct pvn_xen_perm perms[] = {{.domid = owner}, {.domid = reader, .read = true}};

	return pvn_xen_set_perms(s->x, s->txn, path, perms, owner == reader ? 1 : 2);
}

/* What is missing of the directories above, from the home of `domid` on. */
static int
make_parents(struct step *s, const char *path, uint16_t domid)
{
	char part[DEVICE_PATH_MAX];
	size_t len = snprintf(part, sizeof(part), DOMAIN_HOMES "/%u", domid);
	size_t last = strrchr(path, '/') - path;
	int ret = 0;

	while (len < last && ret == 0) {
		len += 1 + strcspn(path + len + 1, "/");
		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		if (node_exists(s->x, s->txn, part))
			continue;
		ret = pvn_xen_mkdir(s->x, s->txn, part);
		if (ret == 0)
			ret = set_owner(s, part, 0, domid);
	}
	return ret;
}

struct node {
	const char *name;
	char value[DEVICE_PATH_MAX];
};

static int
make_dir(struct step *s, const char *dir, uint16_t owner, uint16_t reader, const struct node *nodes,
	 unsigned int count)
{
	char path[DEVICE_PATH_MAX + 32];
	int ret = make_parents(s, dir, owner);

	if (ret == 0)
		ret = pvn_xen_mkdir(s->x, s->txn, dir);
	if (ret == 0)
		ret = set_owner(s, dir, owner, reader);
	for (unsigned int i = 0; i < count && ret == 0; i++) {
		if (nodes[i].value[0] == '\0')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, nodes[i].name);
		ret = pvn_xen_write(s->x, s->txn, path, nodes[i].value, strlen(nodes[i].value));
		if (ret == 0)
			ret = set_owner(s, path, owner, reader);
	}
	return ret < 0 ? xen_failed() : 0;
}

static void
fill(struct node *node, const char *name, const char *text)
{
	node->name = name;
	snprintf(node->value, sizeof(node->value), "%s", text);
}

static void
fill_number(struct node *node, const char *name, unsigned int number)
{
	node->name = name;
	snprintf(node->value, sizeof(node->value), "%u", number);
}

static int
make_front(struct step *s)
{
	const struct device *d = &s->attach->device;
	struct node nodes[4];

	fill(&nodes[0], "backend", d->back);
	fill_number(&nodes[1], "backend-id", d->back_id);
	fill_number(&nodes[2], "handle", d->handle);
	fill_number(&nodes[3], "state", PVN_XENBUS_INITIALISING);
	return make_dir(s, d->front, d->front_id, d->back_id, nodes, 4);
}

static int
make_back(struct step *s)
{
	const struct device *d = &s->attach->device;
	struct node nodes[6 + SETTING_COUNT];
	char instance[24];
	uint64_t number = 0;

	/* Tells a device that was taken away and given again from the one before. */
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EIO;
	snprintf(instance, sizeof(instance), "%016llx", (unsigned long long)number);

	fill(&nodes[0], "frontend", d->front);
	fill_number(&nodes[1], "frontend-id", d->front_id);
	fill_number(&nodes[2], "handle", d->handle);
	fill_number(&nodes[3], "online", 1);
	fill_number(&nodes[4], "state", PVN_XENBUS_INITIALISING);
	fill(&nodes[5], "instance", instance);
	for (int i = 0; i < SETTING_COUNT; i++)
		fill(&nodes[6 + i], setting_name(i), s->attach->settings.value[i]);
	return make_dir(s, d->back, d->back_id, d->front_id, nodes, 6 + SETTING_COUNT);
}

static int
attach_step(struct pvn_xen *x, uint32_t txn, void *arg)
{
	struct step s = {.attach = arg, .x = x, .txn = txn};
	int ret = find_domains(&s);

	if (ret == 0)
		ret = choose_handle(&s);
	if (ret == 0)
		ret = check_mac(&s);
	if (ret == 0)
		ret = make_front(&s);
	if (ret == 0)
		ret = make_back(&s);
	return ret;
}

int
device_attach(struct pvn_xen *x, struct attach *attach)
{
	int ret;

	ctl_fail("%s",
		 ""); /* a step that fails says why; if the transaction does, Xen's layer does */
	ret = pvn_xenbus_transact(x, attach_step, attach);
	return ret < 0 && ctl_why()[0] == '\0' ? xen_failed() : ret;
}

/* ---- the command ---- */

static int
read_options(const struct ctl_line *line, struct attach *a)
{
	unsigned long handle;
	int ret = 0;

	for (int i = 0; i < SETTING_COUNT && ret == 0; i++)
		if (line->opt[i] != NULL)
			ret = setting_take(&a->settings, i, line->opt[i]);
	if (ret < 0 || line->opt[OPT_HANDLE] == NULL)
		return ret;
	ret = ctl_number("handle", line->opt[OPT_HANDLE], 0, UINT16_MAX, &handle);
	a->handle = handle;
	return ret;
}

int
cmd_xen_attach(struct ctl *ctl, const struct ctl_line *line)
{
	const char *backend = line->opt[OPT_BACKEND];
	struct attach a = {
		.domain = line->arg[0],
		.backend = backend != NULL ? backend : "0",
		.handle = -1,
	};
	int ret = read_options(line, &a);

	if (ret == 0)
		ret = ctl_need_domain_0(ctl);
	if (ret == 0)
		ret = device_attach(ctl->x, &a);
	if (ret < 0)
		return ret;
	if (ctl->json)
		printf("{\"domain\": %u, \"handle\": %u, \"backend\": %u}\n", a.front.id,
		       a.device.handle, a.device.back_id);
	else
		printf("domain %u has device %u, with address %s and its back end in domain %u\n",
		       a.front.id, a.device.handle, a.settings.value[SETTING_MAC],
		       a.device.back_id);
	return 0;
}
