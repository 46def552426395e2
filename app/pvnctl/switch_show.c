/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * pvnctl switch show ...: what pvswitch answers, as tables.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "switch.h"
#include "table.h"

typedef int printer(const json_t *reply, const struct ctl_line *line);

/* Asks for all pages of `key` and prints them. */
static int
show(struct ctl *ctl, const struct ctl_line *line, const char *key, printer *print)
{
	struct switch_words words;
	char text[SWITCH_TEXT];
	json_t *reply;
	int fd = switch_open(line), ret;

	if (fd < 0)
		return CTL_FAIL;
	switch_words_of(line, text, &words);
	reply = switch_ask_all(fd, &words, key);
	close(fd);
	if (reply == NULL)
		return CTL_FAIL;
	ret = ctl->json ? switch_print_json(reply) : print(reply, line);
	json_decref(reply);
	return ret;
}

static void
number_cell(struct table *t, const json_t *object, const char *key)
{
	table_cellf(t, "%" JSON_INTEGER_FORMAT, switch_number(object, key));
}

/* ---- ports ---- */

/* "5", or "1-100 native 5", cut off where it becomes too long for a table. */
static void
vlan_cell(struct table *t, const json_t *settings)
{
	const char *vlan = switch_text(settings, "vlan"), *vlans = switch_text(settings, "vlans");
	const char *native = switch_text(settings, "native");
	const bool has_native = native != NULL && strcmp(native, "0") != 0;

	if (vlan != NULL || vlans == NULL)
		table_cell(t, vlan);
	else
		table_cellf(t, "%.20s%s%s%s", vlans, strlen(vlans) > 20 ? "..." : "",
			    has_native ? " native " : "", has_native ? native : "");
}

static void
port_row(struct table *t, const json_t *port)
{
	const json_t *settings = json_object_get(port, "settings");
	const json_t *counts = json_object_get(port, "counts");
	const char *mode = switch_text(settings, "mode");

	number_cell(t, port, "number");
	table_cell(t, switch_text(port, "name"));
	table_cell(t, switch_text(port, "guest"));
	table_cell(t, json_is_true(json_object_get(port, "up")) ? "up" : "down");
	table_cell(t, mode);
	if (mode != NULL && strcmp(mode, "off") != 0)
		vlan_cell(t, settings);
	else
		table_cell(t, NULL);
	table_cell(t, switch_text(port, "mac"));
	number_cell(t, port, "addresses");
	number_cell(t, counts, "frames");
	number_cell(t, counts, "tx_frames");
	table_cellf(t, "%" JSON_INTEGER_FORMAT,
		    switch_number(counts, "drops") + switch_number(counts, "tx_drops"));
	table_cell(t, switch_text(port, "why"));
}

static int
print_ports(const json_t *reply)
{
	static const char *const titles[] = {"NUMBER", "NAME", "GUEST",	    "LINK", "MODE",
					     "VLAN",   "MAC",  "ADDRESSES", "IN",   "OUT",
					     "DROPS",  "WHY",  NULL};
	struct table t;
	json_t *port;
	size_t i;

	table_begin(&t, titles, 1u << 0 | 1u << 7 | 1u << 8 | 1u << 9 | 1u << 10);
	json_array_foreach(json_object_get(reply, "ports"), i, port)
	{
		port_row(&t, port);
	}
	return table_finish(&t);
}

/* Whatever an object has, a line each; objects in it after a blank. */
static void
member_rows(struct table *t, const json_t *object, const char *before)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		if (json_is_object(value)) {
			member_rows(t, value, key);
			continue;
		}
		table_cellf(t, "%s%s%s", before, before[0] != '\0' ? " " : "", key);
		if (json_is_integer(value))
			table_cellf(t, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		else if (json_is_boolean(value))
			table_cell(t, json_is_true(value) ? "yes" : "no");
		else
			table_cell(t, json_string_value(value));
	}
}

static int
print_members(const json_t *object)
{
	static const char *const titles[] = {"WHAT", "VALUE", NULL};
	struct table t;

	table_begin(&t, titles, 0);
	member_rows(&t, object, "");
	return table_finish(&t);
}

static int
print_ports_or_one(const json_t *reply, const struct ctl_line *line)
{
	if (line->arg_count == 0)
		return print_ports(reply);
	return print_members(json_array_get(json_object_get(reply, "ports"), 0));
}

int
cmd_switch_show_ports(struct ctl *ctl, const struct ctl_line *line)
{
	return show(ctl, line, "ports", print_ports_or_one);
}

/* ---- drops ---- */

static int
print_drops(const json_t *reply, const struct ctl_line *line)
{
	static const char *const titles[] = {"PORT", "FRAMES", "CAUSE", "MEANING", NULL};
	const json_t *causes = json_object_get(reply, "causes");
	const char *key;
	struct table t;
	json_t *port, *value;
	size_t i;

	(void)line;
	table_begin(&t, titles, 1u << 1);
	json_array_foreach(json_object_get(reply, "ports"), i, port)
	{
		json_object_foreach(json_object_get(port, "drops"), key, value)
		{
			table_cell(&t, switch_text(port, "name"));
			table_cellf(&t, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
			table_cell(&t, key);
			table_cell(&t, switch_text(causes, key));
		}
	}
	return table_finish(&t);
}

int
cmd_switch_show_drops(struct ctl *ctl, const struct ctl_line *line)
{
	return show(ctl, line, "ports", print_drops);
}

/* ---- forwarding database ---- */

static int
print_fdb(const json_t *reply, const struct ctl_line *line)
{
	static const char *const titles[] = {"MAC", "VLAN", "AGE", "PORT", NULL};
	struct table t;
	json_t *entry;
	size_t i;

	(void)line;
	table_begin(&t, titles, 1u << 1 | 1u << 2);
	json_array_foreach(json_object_get(reply, "addresses"), i, entry)
	{
		table_cell(&t, switch_text(entry, "mac"));
		number_cell(&t, entry, "vlan");
		if (json_is_true(json_object_get(entry, "static")))
			table_cell(&t, "static");
		else
			number_cell(&t, entry, "age");
		table_cell(&t, switch_text(entry, "port"));
	}
	return table_finish(&t);
}

int
cmd_switch_show_fdb(struct ctl *ctl, const struct ctl_line *line)
{
	return show(ctl, line, "addresses", print_fdb);
}

/* ---- workers and the whole ---- */

static int
print_workers(const json_t *reply, const struct ctl_line *line)
{
	static const char *const titles[] = {"WORKER", "LCORE",	 "PORTS",     "BUSY",
					     "FRAMES", "BURSTS", "PER_BURST", NULL};
	struct table t;
	json_t *worker;
	size_t i;

	(void)line;
	table_begin(&t, titles, 0x7F);
	json_array_foreach(json_object_get(reply, "workers"), i, worker)
	{
		const double busy = switch_number(worker, "busy_cycles");
		const double all = busy + switch_number(worker, "idle_cycles");
		const double bursts = switch_number(worker, "bursts");

		number_cell(&t, worker, "number");
		number_cell(&t, worker, "lcore");
		number_cell(&t, worker, "ports");
		table_cellf(&t, "%.1f%%", all > 0 ? 100 * busy / all : 0);
		number_cell(&t, worker, "frames");
		number_cell(&t, worker, "bursts");
		table_cellf(&t, "%.1f", bursts > 0 ? switch_number(worker, "frames") / bursts : 0);
	}
	return table_finish(&t);
}

int
cmd_switch_show_workers(struct ctl *ctl, const struct ctl_line *line)
{
	return show(ctl, line, "workers", print_workers);
}

static int
print_switch(const json_t *reply, const struct ctl_line *line)
{
	(void)line;
	return print_members(reply);
}

int
cmd_switch_show_switch(struct ctl *ctl, const struct ctl_line *line)
{
	return show(ctl, line, "", print_switch);
}
