/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Shows devices: a table with aligned columns, or JSON.
 */
#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "command.h"

#define COLUMNS 11
#define CELL_MAX 256

struct row {
	char cell[COLUMNS][CELL_MAX];
};

static const char *const titles[COLUMNS] = {
	"DOMAIN", "NAME",   "HANDLE",	   "BACKEND",	 "MAC",	  "VLAN",
	"RATE",	  "QUEUES", "FRONT_STATE", "BACK_STATE", "ERROR",
};

/* NULL when an end is not there. */
static const char *
state_name(enum pvn_xenbus_state state)
{
	return state == PVN_XENBUS_UNKNOWN ? NULL : pvn_xenbus_state_name(state);
}

/* ---- table ---- */

static void
put(struct row *row, int column, const char *text)
{
	snprintf(row->cell[column], CELL_MAX, "%s", text == NULL || text[0] == '\0' ? "-" : text);
}

static void
put_number(struct row *row, int column, unsigned int number)
{
	snprintf(row->cell[column], CELL_MAX, "%u", number);
}

static void
fill_row(struct row *row, const struct device *d)
{
	static const enum setting shown[] = {SETTING_MAC, SETTING_VLAN, SETTING_RATE,
					     SETTING_QUEUES};
	char buf[32];

	put_number(row, 0, d->front_id);
	put(row, 1, d->front_lost ? "(gone)" : d->front_name);
	put_number(row, 2, d->handle);
	put_number(row, 3, d->back_id);
	for (int i = 0; i < 4; i++)
		put(row, 4 + i, setting_show(&d->settings, shown[i], buf, sizeof(buf)));
	put(row, 8, state_name(d->front_state));
	put(row, 9, state_name(d->back_state));
	put(row, 10, d->error);
}

static void
print_row(const struct row *row, const size_t *widths)
{
	for (int i = 0; i < COLUMNS - 1; i++)
		printf("%-*s  ", (int)widths[i], row->cell[i]);
	puts(row->cell[COLUMNS - 1]);
}

static int
print_table(const struct device *devices, int count)
{
	struct row *rows = calloc(count + 1, sizeof(*rows));
	size_t widths[COLUMNS] = {0};

	if (rows == NULL)
		return ctl_fail("no memory");
	for (int i = 0; i < COLUMNS; i++)
		put(&rows[0], i, titles[i]);
	for (int i = 0; i < count; i++)
		fill_row(&rows[1 + i], &devices[i]);
	for (int i = 0; i <= count; i++)
		for (int k = 0; k < COLUMNS; k++)
			if (strlen(rows[i].cell[k]) > widths[k])
				widths[k] = strlen(rows[i].cell[k]);
	for (int i = 0; i <= count; i++)
		print_row(&rows[i], widths);
	free(rows);
	return 0;
}

/* ---- JSON ---- */

static json_t *
text_or_null(const char *text)
{
	return text == NULL || text[0] == '\0' ? json_null() : json_string(text);
}

/* A node of the back end's may hold anything; what is no number is null. */
static json_t *
number_or_null(const char *text)
{
	char *end;
	long long value = strtoll(text, &end, 10);

	return end == text || *end != '\0' ? json_null() : json_integer(value);
}

static json_t *
as_json(const struct device *d)
{
	const char(*value)[sizeof(d->settings.value[0])] = d->settings.value;
	const char *check = value[SETTING_MAC_CHECK];

	return json_pack("{si so si si so so so so so sb so so so}", "domain", d->front_id, "name",
			 text_or_null(d->front_name), "handle", d->handle, "backend", d->back_id,
			 "mac", text_or_null(value[SETTING_MAC]), "vlan",
			 number_or_null(value[SETTING_VLAN]), "rate",
			 number_or_null(value[SETTING_RATE]), "queues",
			 number_or_null(value[SETTING_QUEUES]), "mtu",
			 number_or_null(value[SETTING_MTU]), "mac_check", strcmp(check, "0") != 0,
			 "front_state", text_or_null(state_name(d->front_state)), "back_state",
			 text_or_null(state_name(d->back_state)), "error", text_or_null(d->error));
}

static int
print_json(const struct device *devices, int count)
{
	json_t *list = json_array();
	int ret = list == NULL;

	for (int i = 0; i < count && ret == 0; i++)
		ret = json_array_append_new(list, as_json(&devices[i]));
	if (ret == 0)
		ret = json_dumpf(list, stdout, JSON_INDENT(2));
	json_decref(list);
	if (ret != 0)
		return ctl_fail("the JSON could not be made: no memory");
	putchar('\n');
	return 0;
}

/* ---- the command ---- */

static int
of_domain(struct device *devices, int count, uint16_t id)
{
	int n = 0;

	for (int i = 0; i < count; i++)
		if (devices[i].front_id == id)
			devices[n++] = devices[i];
	return n;
}

int
cmd_xen_list(struct ctl *ctl, const struct ctl_line *line)
{
	struct device *devices;
	struct domain domain;
	int ret, count;

	if (line->arg_count > 0 && domain_find(ctl->x, PVN_XEN_NO_TXN, line->arg[0], &domain) < 0)
		return CTL_FAIL;
	count = devices_read(ctl->x, &devices);
	if (count < 0)
		return count;
	if (line->arg_count > 0)
		count = of_domain(devices, count, domain.id);
	ret = ctl->json ? print_json(devices, count) : print_table(devices, count);
	free(devices);
	return ret;
}
