/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The command line behind EAL's "--". Ports are written as one word, NAME,word=value,..., so that
 * they go through shells and unit files as they are.
 */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DIM(a) (sizeof(a) / sizeof((a)[0]))

/* ---- NAME,word=value,... ---- */

typedef int word_taker(struct pvs_settings *set, const char *word, const char *value, char *why);

/* Where the pair ends: what follows a comma and has no "=" still belongs to the value, as in
 * vlans=1-5,7; and a device takes all that is left.
 */
static char *
pair_end(char *pair)
{
	char *comma = strchr(pair, ',');

	if (strncmp(pair, "device=", 7) == 0)
		return pair + strlen(pair);
	while (comma != NULL && strcspn(comma + 1, "=") >= strcspn(comma + 1, ",")) {
		if (strchr(comma + 1, ',') == NULL)
			return comma + strlen(comma);
		comma = strchr(comma + 1, ',');
	}
	return comma != NULL ? comma : pair + strlen(pair);
}

/* Into *more, which says nothing yet. */
static int
pairs_read(struct pvs_settings *more, char *text, word_taker *take, char *why)
{
	for (bool last = text[0] == '\0'; !last;) {
		char *end = pair_end(text), *value;

		last = *end == '\0';
		*end = '\0';
		value = strchr(text, '=');
		if (value == NULL) {
			snprintf(why, PVS_WHY_MAX, "'%.60s': expected WORD=VALUE", text);
			return -EINVAL;
		}
		*value++ = '\0';
		if (pvs_settings_has(more, text)) {
			snprintf(why, PVS_WHY_MAX, "%s is given twice", text);
			return -EINVAL;
		}
		if (take(more, text, value, why) < 0)
			return -EINVAL;
		text = end + 1;
	}
	return 0;
}

/* "NAME,word=value,...", which becomes part of a section. */
static int
section_read(struct pvs_section **list, uint32_t *count, char *text, bool guest, char *why)
{
	int (*check)(const char *name, char *why) = guest ? pvs_guest_name_check : pvs_name_check;
	char *comma = strchr(text, ',');
	struct pvs_section *section;
	struct pvs_settings more;

	if (comma != NULL)
		*comma = '\0';
	if (check(text, why) < 0)
		return -EINVAL;
	pvs_settings_default(&more, guest);
	if (comma != NULL &&
	    pairs_read(&more, comma + 1, guest ? pvs_guest_word : pvs_settings_word, why) < 0)
		return -EINVAL;
	section = pvs_section_get(list, count, text, guest);
	if (section == NULL) {
		snprintf(why, PVS_WHY_MAX, "no memory");
		return -EINVAL;
	}
	pvs_settings_overlay(&section->set, &more);
	return 0;
}

static int
sections_option(struct pvs_options *o, const char *name, char *text, char *why)
{
	struct pvs_settings more;

	if (strcmp(name, "port") == 0)
		return section_read(&o->port, &o->ports, text, false, why);
	if (strcmp(name, "guest") == 0)
		return section_read(&o->guest, &o->guests_named, text, true, why);
	pvs_settings_default(&more, true);
	if (pairs_read(&more, text, pvs_guest_word, why) < 0)
		return -EINVAL;
	pvs_settings_overlay(&o->guests, &more);
	return 0;
}

/* ---- the command line ---- */

static const struct {
	const char *name, *help;
	enum pvs_flag flag;
} flags[] = {
	{"check", "look at file and command line, say what is wrong, and end", PVS_FLAG_CHECK},
	{"help", "print this", PVS_FLAG_HELP},
	{"version", "print the version", PVS_FLAG_VERSION},
};

void
pvs_command_line_help(FILE *to)
{
	fputs("usage: pvswitch [EAL OPTION ...] -- [OPTION ...]\n"
	      "\n"
	      "  -c, --config FILE         sections [switch], [guests], [guest NAME], [port NAME]\n"
	      "  --port NAME,WORD=VALUE,...,device=DEVARGS\n"
	      "                            a port of DPDK's; device comes last\n"
	      "  --guests WORD=VALUE,...   what guests' ports begin with\n"
	      "  --guest NAME,WORD=VALUE,...\n"
	      "                            of one guest: a domain's name, or DOMID.HANDLE\n",
	      to);
	for (size_t i = 0; i < DIM(flags); i++)
		fprintf(to, "  --%-22s  %s\n", flags[i].name, flags[i].help);
	fputs("\nThe switch; WORD = VALUE in section [switch]:\n", to);
	pvs_options_help(to);
	fputs("\nPorts; WORD = VALUE in sections [guests], [guest NAME] and [port NAME]:\n", to);
	pvs_settings_help(to);
	fputs("\nWhat the command line says is in force over what the file says.\n", to);
}

static enum pvs_flag
find_flag(const char *name)
{
	for (size_t i = 0; i < DIM(flags); i++)
		if (strcmp(flags[i].name, name) == 0)
			return flags[i].flag;
	return 0;
}

int
pvs_options_begin(int argc, char **argv)
{
	int n = 1;

	while (n < argc && strcmp(argv[n], "--") != 0)
		n++;
	/* EAL has a --help and a --version, too, which say nothing of the switch. */
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "--version") == 0))
		return 0;
	return n;
}

static bool
takes_value(const char *name)
{
	return strcmp(name, "config") == 0 || strcmp(name, "port") == 0 ||
	       strcmp(name, "guest") == 0 || strcmp(name, "guests") == 0 ||
	       pvs_options_has_word(name);
}

struct given {
	char name[16];
	char *value; /* NULL: it takes none */
};

/* The option at argv[*at], moved on to its value if that is a word of its own. 0, or -EINVAL with
 * what is wrong said.
 */
static int
option_at(struct pvs_reader *r, char **argv, int *at, struct given *option)
{
	char *text = argv[*at];
	const bool is_short = strcmp(text, "-c") == 0 || strcmp(text, "-h") == 0;
	const size_t len = is_short ? 0 : strcspn(text + (text[0] == '-'), "=");

	option->value = NULL;
	if (is_short)
		strcpy(option->name, text[1] == 'c' ? "config" : "help");
	else if (strncmp(text, "--", 2) == 0 && len < sizeof(option->name))
		snprintf(option->name, sizeof(option->name), "%.*s", (int)len - 1, text + 2);
	else
		option->name[0] = '\0';
	if (find_flag(option->name) != 0 && text[is_short ? 2 : len + 1] == '\0')
		return 0;
	if (!takes_value(option->name)) {
		pvs_reader_wrong(r, "there is no option '%.60s': pvswitch -- --help lists them",
				 text);
		return -EINVAL;
	}
	option->value = !is_short && text[len + 1] == '=' ? text + len + 2 : argv[++*at];
	if (option->value != NULL)
		return 0;
	pvs_reader_wrong(r, "--%s needs a value", option->name);
	--*at;
	return -EINVAL;
}

unsigned int
pvs_command_line_look(struct pvs_reader *r)
{
	struct pvs_options *o = r->options;
	struct given option;
	unsigned int found = 0;

	for (int i = 1; i < o->argc; i++) {
		if (option_at(r, o->argv, &i, &option) < 0)
			continue;
		found |= find_flag(option.name);
		if (strcmp(option.name, "config") != 0)
			continue;
		if (o->file != NULL)
			pvs_reader_wrong(r, "--config is given twice");
		o->file = option.value;
	}
	return found;
}

static void
take_option(struct pvs_reader *r, const struct given *option)
{
	struct pvs_options *o = r->options;
	char *text = strdup(option->value), why[PVS_WHY_MAX];
	int ret;

	if (text == NULL) {
		pvs_reader_wrong(r, "no memory");
		return;
	}
	if (pvs_options_has_word(option->name))
		ret = pvs_options_word(o, option->name, text, why);
	else
		ret = sections_option(o, option->name, text, why);
	if (ret < 0)
		pvs_reader_wrong(r, "--%s: %s", option->name, why);
	free(text);
}

void
pvs_command_line_read(struct pvs_reader *r)
{
	struct pvs_options *o = r->options;
	struct pvs_reader told = {.options = o}; /* the first look has told what is no option */
	struct given option;

	for (int i = 1; i < o->argc; i++)
		if (option_at(&told, o->argv, &i, &option) == 0 && option.value != NULL &&
		    strcmp(option.name, "config") != 0)
			take_option(r, &option);
}
