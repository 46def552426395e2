/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Commands that ask the keeper, and text for QEMU about what it keeps.
 */
#include "ivshmem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "switch.h"
#include "table.h"

const char *
keeper_folder(const struct ctl_line *line)
{
	return line->opt[OPT_FOLDER] != NULL ? line->opt[OPT_FOLDER] : KEEPER_FOLDER;
}

/* ---- asking ---- */

/* The keeper's answer to one or two words; NULL with ctl_why(). */
static json_t *
ask(const struct ctl_line *line, const char *verb, const char *arg)
{
	struct switch_words words = {.count = 0};
	char path[256];
	json_t *reply;
	int fd;

	snprintf(path, sizeof(path), "%s/control", keeper_folder(line));
	fd = switch_connect(path, "the keeper (pvnctl ivshmem serve)", "--folder");
	if (fd < 0)
		return NULL;
	switch_words_add(&words, verb);
	if (arg != NULL)
		switch_words_add(&words, arg);
	reply = switch_ask(fd, &words);
	close(fd);
	return reply;
}

static int
ask_and_print(struct ctl *ctl, const struct ctl_line *line, const char *verb)
{
	json_t *reply = ask(line, verb, line->arg[0]);
	int ret = reply != NULL ? 0 : CTL_FAIL;

	if (ret == 0 && ctl->json)
		ret = switch_print_json(reply);
	json_decref(reply);
	return ret;
}

int
cmd_ivshmem_add(struct ctl *ctl, const struct ctl_line *line)
{
	return ask_and_print(ctl, line, "add");
}

int
cmd_ivshmem_remove(struct ctl *ctl, const struct ctl_line *line)
{
	return ask_and_print(ctl, line, "remove");
}

/* ---- list ---- */

static void
list_region(struct table *t, const json_t *region)
{
	const json_t *clients = json_object_get(region, "clients");
	char guests[512] = "";
	bool host = false;
	size_t used = 0;

	for (size_t i = 0; i < json_array_size(clients); i++) {
		const json_t *c = json_array_get(clients, i);

		if (switch_number(c, "number") == 0)
			host = true;
		else if (used < sizeof(guests))
			used += snprintf(guests + used, sizeof(guests) - used, "%s%lld:%lld",
					 used > 0 ? " " : "", (long long)switch_number(c, "number"),
					 (long long)switch_number(c, "pid"));
	}
	table_cell(t, switch_text(region, "name"));
	table_cellf(t, "%lldM", (long long)switch_number(region, "size") >> 20);
	if (switch_number(region, "hugepages") == 0)
		table_cell(t, NULL);
	else
		table_cellf(t, "%lldM", (long long)switch_number(region, "hugepages") >> 20);
	table_cellf(t, "%lld", (long long)switch_number(region, "vectors"));
	table_cell(t, host ? "there" : "-");
	table_cell(t, guests);
}

int
cmd_ivshmem_list(struct ctl *ctl, const struct ctl_line *line)
{
	static const char *const titles[] = {
		"REGION", "SIZE", "HUGEPAGES", "VECTORS", "HOST", "GUESTS (NUMBER:PID)", NULL};
	json_t *reply = ask(line, "list", NULL);
	const json_t *regions = json_object_get(reply, "regions");
	struct table t;
	int ret;

	if (reply == NULL)
		return CTL_FAIL;
	if (ctl->json) {
		ret = switch_print_json(reply);
	} else {
		table_begin(&t, titles, 1u << 1 | 1u << 2 | 1u << 3);
		for (size_t i = 0; i < json_array_size(regions); i++)
			list_region(&t, json_array_get(regions, i));
		ret = table_finish(&t);
	}
	json_decref(reply);
	return ret;
}

/* ---- text for QEMU ---- */

static const json_t *
find_region(const json_t *reply, const char *name)
{
	const json_t *regions = json_object_get(reply, "regions");

	for (size_t i = 0; i < json_array_size(regions); i++) {
		const char *its = switch_text(json_array_get(regions, i), "name");

		if (its != NULL && strcmp(its, name) == 0)
			return json_array_get(regions, i);
	}
	return NULL;
}

int
region_cfg(const struct ctl_line *line, struct pvn_ivshmem_qemu_cfg *cfg, json_t **keep)
{
	const json_t *region;
	unsigned long chassis = 0;

	*keep = NULL;
	if (line->opt[OPT_READ_ONLY] != NULL && line->opt[OPT_PLAIN] == NULL)
		return ctl_fail("--read-only is for --plain: a doorbell device is never so");
	if (line->opt[OPT_CHASSIS] != NULL &&
	    ctl_number("chassis", line->opt[OPT_CHASSIS], 1, 255, &chassis) < 0)
		return CTL_FAIL;
	*keep = ask(line, "list", NULL);
	if (*keep == NULL)
		return CTL_FAIL;
	region = find_region(*keep, line->arg[0]);
	if (region == NULL)
		return ctl_fail("there is no region '%s' in %s", line->arg[0], keeper_folder(line));
	*cfg = (struct pvn_ivshmem_qemu_cfg){
		.name = switch_text(region, "name"),
		.size = switch_number(region, "size"),
		.vectors = switch_number(region, "vectors"),
		.read_only = line->opt[OPT_READ_ONLY] != NULL,
		.bus = line->opt[OPT_BUS],
		.chassis = chassis,
	};
	if (line->opt[OPT_PLAIN] != NULL)
		cfg->file = switch_text(region, "memory");
	else
		cfg->socket = switch_text(region, "socket");
	return 0;
}

typedef int generator(const struct pvn_ivshmem_qemu_cfg *cfg, char *to, size_t size);

static int
print_text(const struct ctl_line *line, generator *generate)
{
	struct pvn_ivshmem_qemu_cfg cfg;
	char text[4096];
	json_t *keep;
	int ret = region_cfg(line, &cfg, &keep), len;

	if (ret == 0) {
		len = generate(&cfg, text, sizeof(text));
		if (len < 0)
			ret = ctl_fail("%s", pvn_ivshmem_why());
		else
			printf("%s%s", text, text[len - 1] == '\n' ? "" : "\n");
	}
	json_decref(keep);
	return ret;
}

int
cmd_ivshmem_args(struct ctl *ctl, const struct ctl_line *line)
{
	(void)ctl;
	return print_text(line, pvn_ivshmem_qemu_args);
}

int
cmd_ivshmem_port(struct ctl *ctl, const struct ctl_line *line)
{
	(void)ctl;
	return print_text(line, pvn_ivshmem_qemu_port);
}

int
cmd_ivshmem_qmp(struct ctl *ctl, const struct ctl_line *line)
{
	(void)ctl;
	return print_text(line, line->opt[OPT_UNPLUG] != NULL ? pvn_ivshmem_qemu_unplug
							      : pvn_ivshmem_qemu_plug);
}

int
cmd_ivshmem_xml(struct ctl *ctl, const struct ctl_line *line)
{
	(void)ctl;
	return print_text(line, pvn_ivshmem_qemu_xml);
}
