/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "domain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <pvn_xenbus.h>

int
xen_failed(void)
{
	return ctl_fail("%s", pvn_xen_why());
}

bool
node_exists(struct pvn_xen *x, uint32_t txn, const char *path)
{
	char *value;
	bool is = pvn_xen_read(x, txn, path, &value) >= 0;

	if (is)
		free(value);
	return is;
}

/* ---- numbers as names of nodes ---- */

static bool
is_id(const char *text, uint16_t *id)
{
	char canonical[8];
	unsigned long value = strtoul(text, NULL, 10);

	snprintf(canonical, sizeof(canonical), "%u", (uint16_t)value);
	*id = value;
	return strcmp(canonical, text) == 0;
}

static int
compare_ids(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

int
list_ids(struct pvn_xen *x, uint32_t txn, const char *path, uint16_t **ids)
{
	char **names;
	int n = pvn_xen_list(x, txn, path, &names), count = 0;

	if (n < 0 && n != -ENOENT)
		return xen_failed();
	*ids = calloc(n > 0 ? n : 1, sizeof(**ids));
	for (int i = 0; i < n && *ids != NULL; i++)
		if (is_id(names[i], &(*ids)[count]))
			count++;
	if (n >= 0)
		free(names);
	if (*ids == NULL)
		return ctl_fail("no memory");
	qsort(*ids, count, sizeof(**ids), compare_ids);
	return count;
}

/* ---- domains ---- */

static void
read_domain(struct pvn_xen *x, uint32_t txn, struct domain *d)
{
	char dir[32], vm[64];
	const char *slash;

	snprintf(dir, sizeof(dir), DOMAIN_HOMES "/%u", d->id);
	if (pvn_xenbus_read(x, txn, dir, "name", d->name, sizeof(d->name)) < 0)
		d->name[0] = '\0';
	if (pvn_xenbus_read(x, txn, dir, "vm", vm, sizeof(vm)) < 0)
		return;
	slash = strrchr(vm, '/');
	snprintf(d->uuid, sizeof(d->uuid), "%.39s", slash != NULL ? slash + 1 : vm);
}

int
domains_read(struct pvn_xen *x, uint32_t txn, struct domain **domains)
{
	uint16_t *ids;
	int n = list_ids(x, txn, DOMAIN_HOMES, &ids);

	if (n < 0)
		return n;
	*domains = calloc(n > 0 ? n : 1, sizeof(**domains));
	for (int i = 0; i < n && *domains != NULL; i++) {
		(*domains)[i].id = ids[i];
		read_domain(x, txn, &(*domains)[i]);
	}
	free(ids);
	return *domains != NULL ? n : ctl_fail("no memory");
}

static bool
is_called(const struct domain *d, const char *text)
{
	if (text[0] == '\0')
		return false;
	return strcmp(d->name, text) == 0 || strcasecmp(d->uuid, text) == 0;
}

static int
pick(const struct domain *domains, int count, const char *text, const struct domain **found)
{
	uint16_t id;

	*found = NULL;
	for (int i = 0; i < count; i++)
		if (is_id(text, &id) && domains[i].id == id)
			*found = &domains[i];
	for (int i = 0; i < count && *found == NULL; i++) {
		if (!is_called(&domains[i], text))
			continue;
		for (int k = i + 1; k < count; k++)
			if (is_called(&domains[k], text))
				return ctl_fail("'%s' is the name of several domains, %u and %u: "
						"give the id of one",
						text, domains[i].id, domains[k].id);
		*found = &domains[i];
	}
	if (*found != NULL)
		return 0;
	ctl_fail("there is no domain '%s': expected an id, a name or a UUID", text);
	return CTL_NONE;
}

int
domain_find(struct pvn_xen *x, uint32_t txn, const char *text, struct domain *domain)
{
	const struct domain *found;
	struct domain *domains;
	int n = domains_read(x, txn, &domains), ret;

	if (n < 0)
		return n;
	ret = pick(domains, n, text, &found);
	if (ret == 0)
		*domain = *found;
	free(domains);
	return ret;
}
