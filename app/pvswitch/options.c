/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The words of the switch, and what file and command line come to together. What the command line
 * says comes second, and so is in force.
 */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define DIM(a) (sizeof(a) / sizeof((a)[0]))

void
pvs_reader_wrong(struct pvs_reader *r, const char *fmt, ...)
{
	char text[2 * PVS_WHY_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (r->errors == 0 && r->why != NULL)
		snprintf(r->why, PVS_WHY_MAX, "%.*s", PVS_WHY_MAX - 1, text);
	if (r->errors < PVS_ERRORS_MAX && r->to != NULL)
		fprintf(r->to, "pvswitch: %s\n", text);
	r->errors++;
}

/* ---- the words of the switch ---- */

static int
xen_read(const struct pvs_word *word, void *field, const char *text)
{
	const char *domid = strrchr(text, ':'), *end;
	uint64_t number;

	if (strcmp(text, "xen") != 0 && strcmp(text, "off") != 0)
		if (strncmp(text, "local:", 6) != 0 || domid <= text + 6 ||
		    pvs_digits_read(domid + 1, &number, &end) < 0 || *end != '\0' ||
		    number > 0x7FEF)
			return -EINVAL;
	return pvs_text_read(word, field, text);
}

static int
path_read(const struct pvs_word *word, void *field, const char *text)
{
	return text[0] == '/' ? pvs_text_read(word, field, text) : -EINVAL;
}

static const char *const no_yes[] = {"no", "yes", NULL};

#define FIELD(name) PVS_WORD_FIELD(struct pvs_options, name)
#define NUMBER .read = pvs_number_read, .print = pvs_number_print

static const struct pvs_word words[] = {
	{"addresses", "N", "most addresses in the forwarding database (default: 65536)", NUMBER,
	 FIELD(addresses), .min = 16, .max = 16000000},
	{"ageing", "SECONDS", "how long an address is kept that is not seen (default: 300)", NUMBER,
	 FIELD(ageing), .min = 1, .max = PVN_FDB_AGEING_MAX},
	{"control", "PATH", "the control socket (default: " PVS_CONTROL_PATH ")", .read = path_read,
	 .print = pvs_text_print, FIELD(control),
	 .accepted = "an absolute path of at most 107 characters"},
	{"mbufs", "N", "packet buffers (default: 32767)", NUMBER, FIELD(mbufs), .min = 512,
	 .max = 16777215},
	{"sleep", "yes|no", "workers with nothing to do sleep (default: no)",
	 .read = pvs_choice_read, .print = pvs_choice_print, FIELD(sleep), .names = no_yes},
	{"xen", "SPEC", "xen, local:PATH:DOMID, or off: whose guests get ports (default: off)",
	 .read = xen_read, .print = pvs_text_print, FIELD(xen),
	 .accepted = "xen, local:PATH:DOMID (as of pvnctl local serve), or off"},
};

int
pvs_options_word(struct pvs_options *options, const char *word, const char *value, char *why)
{
	const struct pvs_word *w = pvs_word_find(words, DIM(words), word);
	int used;

	if (w != NULL)
		return pvs_word_read(w, options, value, why);
	used = snprintf(why, PVS_WHY_MAX, "there is no word '%.30s': expected ", word);
	pvs_word_names(words, DIM(words), why + used, PVS_WHY_MAX - used);
	return -EINVAL;
}

bool
pvs_options_has_word(const char *word)
{
	return pvs_word_find(words, DIM(words), word) != NULL;
}

void
pvs_options_help(FILE *to)
{
	pvs_word_help(words, DIM(words), "--", to);
}

int
pvs_guest_word(struct pvs_settings *set, const char *word, const char *value, char *why)
{
	if (strcmp(word, "device") == 0 || strcmp(word, "queues") == 0) {
		snprintf(why, PVS_WHY_MAX, "%s is for [port NAME]: guests bring theirs along",
			 word);
		return -EINVAL;
	}
	return pvs_settings_word(set, word, value, why);
}

/* ---- sections ---- */

bool
pvs_section_is_there(const struct pvs_section *list, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(list[i].name, name) == 0)
			return true;
	return false;
}

struct pvs_section *
pvs_section_get(struct pvs_section **list, uint32_t *count, const char *name, bool guest)
{
	struct pvs_section *more;

	for (uint32_t i = 0; i < *count; i++)
		if (strcmp((*list)[i].name, name) == 0)
			return &(*list)[i];
	more = realloc(*list, (*count + 1) * sizeof(*more));
	if (more == NULL)
		return NULL;
	*list = more;
	more += (*count)++;
	snprintf(more->name, sizeof(more->name), "%s", name);
	pvs_settings_default(&more->set, guest);
	return more;
}

int
pvs_guest_name_check(const char *name, char *why)
{
	const size_t len = strlen(name);
	bool good = len > 0 && len < PVS_NAME_MAX;

	for (size_t i = 0; i < len; i++)
		good = good && !iscntrl((unsigned char)name[i]);
	if (good)
		return 0;
	snprintf(why, PVS_WHY_MAX,
		 "guest '%.40s': expected a domain's name of 1..%d characters, or DOMID.HANDLE",
		 name, PVS_NAME_MAX - 1);
	return -EINVAL;
}

/* ---- the whole ---- */

static void
check_port(struct pvs_reader *r, const struct pvs_section *port)
{
	const struct pvs_options *o = r->options;
	char why[PVS_WHY_MAX];

	if (port->set.device[0] == '\0')
		pvs_reader_wrong(r, "port %s: device=... is missing", port->name);
	else if (pvs_settings_check(&port->set, why) < 0)
		pvs_reader_wrong(r, "port %s: %s", port->name, why);
	if (strcmp(port->set.mirror, port->name) == 0)
		pvs_reader_wrong(r, "port %s: it cannot be its own mirror", port->name);
	for (const struct pvs_section *p = o->port; p < port; p++)
		if (strcmp(p->set.device, port->set.device) == 0 && p->set.device[0] != '\0')
			pvs_reader_wrong(r, "ports %s and %s have the same device", p->name,
					 port->name);
}

static void
check_guest(struct pvs_reader *r, const struct pvs_section *guest)
{
	struct pvs_settings set = r->options->guests;
	char why[PVS_WHY_MAX];

	pvs_settings_overlay(&set, &guest->set);
	if (pvs_settings_check(&set, why) < 0)
		pvs_reader_wrong(r, "guest %s: %s", guest->name, why);
}

static void
check(struct pvs_reader *r)
{
	const struct pvs_options *o = r->options;
	char why[PVS_WHY_MAX];

	for (uint32_t i = 0; i < o->ports; i++)
		check_port(r, &o->port[i]);
	if (pvs_settings_check(&o->guests, why) < 0)
		pvs_reader_wrong(r, "guests: %s", why);
	for (uint32_t i = 0; i < o->guests_named; i++)
		check_guest(r, &o->guest[i]);
}

static unsigned int
read_all(struct pvs_reader *r, int argc, char **argv)
{
	struct pvs_options *o = r->options;
	unsigned int found;

	*o = (struct pvs_options){
		.xen = "off",
		.control = PVS_CONTROL_PATH,
		.addresses = 65536,
		.ageing = 300,
		.mbufs = 32767,
		.argc = argc,
		.argv = argv,
	};
	pvs_settings_default(&o->guests, true);
	found = pvs_command_line_look(r);
	if ((found & (PVS_FLAG_HELP | PVS_FLAG_VERSION)) != 0)
		return found;
	if (o->file != NULL)
		pvs_config_read(r);
	pvs_command_line_read(r);
	if (r->errors == 0)
		check(r);
	return found;
}

int
pvs_options_read(struct pvs_options *options, int argc, char **argv)
{
	struct pvs_reader r = {.options = options, .to = stderr};
	const unsigned int found = read_all(&r, argc, argv);

	if (r.errors > PVS_ERRORS_MAX)
		fprintf(stderr, "pvswitch: and %u more\n", r.errors - PVS_ERRORS_MAX);
	if (r.errors > 0) {
		pvs_options_free(options);
		return -EINVAL;
	}
	if ((found & PVS_FLAG_HELP) != 0)
		pvs_command_line_help(stdout);
	else if ((found & PVS_FLAG_VERSION) != 0)
		puts("pvswitch " PVN_VERSION);
	else if ((found & PVS_FLAG_CHECK) != 0)
		puts("pvswitch: nothing is wrong with this");
	return found != 0 ? 1 : 0;
}

int
pvs_options_reread(const struct pvs_options *options, struct pvs_options *fresh, char *why)
{
	struct pvs_reader r = {.options = fresh, .why = why};

	read_all(&r, options->argc, options->argv);
	if (r.errors == 0)
		return 0;
	pvs_options_free(fresh);
	return -EINVAL;
}

void
pvs_options_free(struct pvs_options *options)
{
	free(options->port);
	free(options->guest);
	options->port = options->guest = NULL;
	options->ports = options->guests_named = 0;
}
