/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * pvnctl top: two looks at pvswitch's counters, a second apart, are a sample; pvswitch's own clock
 * says how far apart. On a terminal it goes on until q, and outlives a restart of pvswitch.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "screen.h"
#include "switch.h"
#include "table.h"

#define SAMPLE_MS 1000

/* Rates of a port, a second. */
struct rates {
	const char *name, *guest; /* in `ports` of the look */
	json_int_t number;
	bool up;
	double in, in_bits, out, out_bits, drops;
};

struct top {
	const struct ctl_line *line;
	bool json, live;
	int fd;			       /* -1: not connected */
	json_t *ports[2], *workers[2]; /* the look before, and now */
	struct rates *rates;
	size_t count;
	double total_in, total_bits, total_drops;
};

/* ---- looking ---- */

static json_t *
ask(struct top *top, const char *what, const char *key)
{
	struct switch_words words = {.count = 0};

	switch_words_add(&words, "show");
	switch_words_add(&words, what);
	return switch_ask_all(top->fd, &words, key);
}

static void
forget(json_t **looks)
{
	json_decref(looks[0]);
	looks[0] = looks[1];
	looks[1] = NULL;
}

static int
look(struct top *top)
{
	if (top->fd < 0)
		top->fd = switch_open(top->line);
	if (top->fd < 0)
		return CTL_FAIL;
	forget(top->ports);
	forget(top->workers);
	top->ports[1] = ask(top, "ports", "ports");
	if (top->ports[1] != NULL)
		top->workers[1] = ask(top, "workers", "workers");
	if (top->workers[1] != NULL)
		return 0;
	close(top->fd);
	top->fd = -1;
	return CTL_FAIL;
}

static double
seconds(json_t *const *looks)
{
	return (switch_number(looks[1], "time") - switch_number(looks[0], "time")) / 1e9;
}

/* ---- rates ---- */

/* The one of the same number in the look before; NULL if there is none, or it is another's. */
static const json_t *
find_before(const json_t *list, const json_t *now)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *a = switch_text(one, "name"), *b = switch_text(now, "name");

		if (switch_number(one, "number") == switch_number(now, "number"))
			return a == NULL || b == NULL || strcmp(a, b) == 0 ? one : NULL;
	}
	return NULL;
}

/* Counters that went back were cleared, or are those of another run. */
static double
grown(const json_t *before, const json_t *now, const char *key)
{
	const json_int_t old = switch_number(before, key), new = switch_number(now, key);

	return before == NULL || new < old ? 0 : (double)(new - old);
}

static void
port_rates(struct rates *r, const json_t *before, const json_t *now, double s)
{
	const json_t *old = json_object_get(before, "counts");
	const json_t *new = json_object_get(now, "counts");

	*r = (struct rates){
		.name = switch_text(now, "name"),
		.guest = switch_text(now, "guest"),
		.number = switch_number(now, "number"),
		.up = json_is_true(json_object_get(now, "up")),
	};
	if (old == NULL || s <= 0)
		return;
	r->in = grown(old, new, "frames") / s;
	r->in_bits = grown(old, new, "bytes") * 8 / s;
	r->out = grown(old, new, "tx_frames") / s;
	r->out_bits = grown(old, new, "tx_bytes") * 8 / s;
	r->drops = (grown(old, new, "drops") + grown(old, new, "tx_drops")) / s;
}

static int
busiest_first(const void *a, const void *b)
{
	const struct rates *x = a, *y = b;
	const double left = x->in + x->out, right = y->in + y->out;

	if (left != right)
		return left < right ? 1 : -1;
	return x->number < y->number ? -1 : 1;
}

static int
find_rates(struct top *top)
{
	const json_t *before = json_object_get(top->ports[0], "ports");
	const json_t *list = json_object_get(top->ports[1], "ports");
	const double s = seconds(top->ports);
	json_t *port;
	size_t i;

	free(top->rates);
	top->count = json_array_size(list);
	top->rates = calloc(top->count + 1, sizeof(*top->rates));
	if (top->rates == NULL)
		return ctl_fail("no memory");
	top->total_in = top->total_bits = top->total_drops = 0;
	json_array_foreach(list, i, port)
	{
		struct rates *r = &top->rates[i];

		port_rates(r, find_before(before, port), port, s);
		top->total_in += r->in;
		top->total_bits += r->in_bits;
		top->total_drops += r->drops;
	}
	return 0;
}

static double
busy_share(const json_t *before, const json_t *now)
{
	const double busy = grown(before, now, "busy_cycles");
	const double all = busy + grown(before, now, "idle_cycles");

	return all > 0 ? 100 * busy / all : 0;
}

/* ---- showing ---- */

/* Four characters of a number and its letter. */
static const char *
short_number(double value, char *text)
{
	static const char letters[] = " KMGTPE";
	unsigned int i = 0;

	while (value >= 999.5 && i < sizeof(letters) - 2) {
		value /= 1000;
		i++;
	}
	if (i == 0)
		snprintf(text, 16, "%.0f", value);
	else
		snprintf(text, 16, "%.*f%c",
			 value < 9.995	 ? 2
			 : value < 99.95 ? 1
					 : 0,
			 value, letters[i]);
	return text;
}

static void
rate_cell(struct table *t, double value)
{
	char text[16];

	table_cell(t, short_number(value, text));
}

static void
fill_ports(const struct top *top, struct table *t)
{
	static const char *const titles[] = {"PORT",  "GUEST",	   "LINK",    "IN/S", "IN_BIT/S",
					     "OUT/S", "OUT_BIT/S", "DROPS/S", NULL};

	table_begin(t, titles, 0xF8);
	for (size_t i = 0; i < top->count; i++) {
		const struct rates *r = &top->rates[i];

		table_cell(t, r->name);
		table_cell(t, r->guest);
		table_cell(t, r->up ? "up" : "down");
		rate_cell(t, r->in);
		rate_cell(t, r->in_bits);
		rate_cell(t, r->out);
		rate_cell(t, r->out_bits);
		rate_cell(t, r->drops);
	}
}

static void
fill_workers(const struct top *top, struct table *t)
{
	static const char *const titles[] = {"WORKER", "LCORE", "PORTS", "BUSY", "FRAMES/S", NULL};
	const json_t *before = json_object_get(top->workers[0], "workers");
	const double s = seconds(top->workers);
	json_t *worker;
	size_t i;

	table_begin(t, titles, 0x1F);
	json_array_foreach(json_object_get(top->workers[1], "workers"), i, worker)
	{
		const json_t *old = find_before(before, worker);

		table_cellf(t, "%" JSON_INTEGER_FORMAT, switch_number(worker, "number"));
		table_cellf(t, "%" JSON_INTEGER_FORMAT, switch_number(worker, "lcore"));
		table_cellf(t, "%" JSON_INTEGER_FORMAT, switch_number(worker, "ports"));
		table_cellf(t, "%.1f%%", busy_share(old, worker));
		rate_cell(t, s > 0 ? grown(old, worker, "frames") / s : 0);
	}
}

/* Workers above, as many ports below as there is room; the busiest if not all fit. */
static void
show_tables(struct top *top, unsigned int columns, unsigned int lines, const char *line_end)
{
	char in[16], bits[16], drops[16];
	struct table workers, ports;
	unsigned int rows;

	fill_workers(top, &workers);
	rows = table_rows(&workers) + 4 < lines ? lines - table_rows(&workers) - 4 : 1;
	if (top->count + 1 > rows)
		qsort(top->rates, top->count, sizeof(*top->rates), busiest_first);
	fill_ports(top, &ports);
	printf("%zu ports, in %s frames/s, %s bit/s, %s drops/s%s\n%s\n", top->count,
	       short_number(top->total_in, in), short_number(top->total_bits, bits),
	       short_number(top->total_drops, drops), line_end, line_end);
	table_print_rows(&workers, stdout, 0, UINT32_MAX, columns, line_end);
	printf("%s\n", line_end);
	table_print_rows(&ports, stdout, 0, rows, columns, line_end);
	table_end(&workers);
	table_end(&ports);
}

static json_t *
ports_json(const struct top *top)
{
	json_t *list = json_array();

	for (size_t i = 0; i < top->count; i++) {
		const struct rates *r = &top->rates[i];

		json_array_append_new(list, json_pack("{sI ss* sb sf sf sf sf sf}", "number",
						      r->number, "name", r->name, "up", r->up, "in",
						      r->in, "in_bits", r->in_bits, "out", r->out,
						      "out_bits", r->out_bits, "drops", r->drops));
	}
	return list;
}

/* A line for each sample. */
static int
show_json(const struct top *top)
{
	const json_t *before = json_object_get(top->workers[0], "workers");
	json_t *workers = json_array(), *sample, *worker;
	size_t i;
	int ret;

	json_array_foreach(json_object_get(top->workers[1], "workers"), i, worker)
	{
		json_array_append_new(workers,
				      json_pack("{sI sf}", "number",
						switch_number(worker, "number"), "busy",
						busy_share(find_before(before, worker), worker)));
	}
	sample = json_pack("{sf so so}", "seconds", seconds(top->ports), "ports", ports_json(top),
			   "workers", workers);
	ret = json_dumpf(sample, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
	json_decref(sample);
	putchar('\n');
	fflush(stdout);
	return ret < 0 ? ctl_fail("the JSON could not be made") : 0;
}

/* ---- the loop ---- */

/* What is shown without a sample, on a screen: why there is none. */
static void
show_why(void)
{
	screen_top(stdout);
	printf("%s%s\n", ctl_why(), SCREEN_LINE_END);
	screen_bottom(stdout);
}

static int
show_sample(struct top *top)
{
	unsigned int columns, lines;
	int ret = find_rates(top);

	if (ret < 0)
		return ret;
	if (top->json)
		return show_json(top);
	if (!top->live) {
		show_tables(top, 0, UINT32_MAX, "");
		return 0;
	}
	screen_size(&columns, &lines);
	screen_top(stdout);
	show_tables(top, columns, lines, SCREEN_LINE_END);
	screen_bottom(stdout);
	return 0;
}

/* `left` samples, or for ever. */
static int
run(struct top *top, unsigned long left, bool for_ever, int signal_fd)
{
	bool have = false; /* a look to compare with */

	while (for_ever || left > 0) {
		int ret = look(top);

		if (ret < 0 && !top->live)
			return ret;
		if (ret < 0)
			show_why();
		else if (have && (ret = show_sample(top)) < 0)
			return ret;
		left -= ret == 0 && have && !for_ever;
		have = ret == 0;
		if ((for_ever || left > 0) && screen_wait(signal_fd, top->live, SAMPLE_MS))
			return 0;
	}
	return 0;
}

int
cmd_switch_top(struct ctl *ctl, const struct ctl_line *line)
{
	struct top top = {.line = line, .json = ctl->json, .fd = -1};
	const bool counted = line->opt[OPT_SAMPLES] != NULL;
	unsigned long count = 1;
	int ret = 0, signal_fd;

	if (counted)
		ret = ctl_number("count", line->opt[OPT_SAMPLES], 1, 1000000000, &count);
	if (ret < 0)
		return ret;
	top.fd = switch_open(line);
	signal_fd = top.fd < 0 ? CTL_FAIL : stop_signals(true);
	if (signal_fd < 0)
		return CTL_FAIL;
	top.live = !top.json && screen_begin();
	ret = run(&top, count, top.live && !counted, signal_fd);
	if (top.live)
		screen_end();
	for (int i = 0; i < 2; i++) {
		json_decref(top.ports[i]);
		json_decref(top.workers[i]);
	}
	free(top.rates);
	if (top.fd >= 0)
		close(top.fd);
	close(signal_fd);
	return ret;
}
