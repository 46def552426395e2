/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The configuration file, by rte_cfgfile. That library passes over lines it does not understand and
 * cuts off what is too long, so the lines are looked at before it reads them.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cfgfile.h>

#include "options.h"

#define COMMENT '#'
/* The longest line that the library takes, without its end. */
#define LINE_LEN_MAX (CFG_NAME_LEN + CFG_VALUE_LEN + 2)

/* ---- lines ---- */

/* Without its comment, and without blanks around it. */
static char *
strip(char *line)
{
	char *comment = line;
	size_t len;

	while ((comment = strchr(comment, COMMENT)) != NULL && comment > line &&
	       comment[-1] == '\\')
		comment++;
	if (comment != NULL)
		*comment = '\0';
	while (isspace((unsigned char)*line))
		line++;
	len = strlen(line);
	while (len > 0 && isspace((unsigned char)line[len - 1]))
		line[--len] = '\0';
	return line;
}

static const char *
check_pair(char *text)
{
	char *equals = strchr(text, '=');

	if (equals == NULL)
		return "expected [SECTION] or WORD = VALUE";
	*equals = '\0';
	if (strlen(strip(text)) >= CFG_NAME_LEN)
		return "the word is too long";
	if (strlen(strip(equals + 1)) >= CFG_VALUE_LEN)
		return "the value is longer than 255 characters";
	return strip(equals + 1)[0] == '\0' ? "the value is missing" : NULL;
}

/* What is wrong with a line, or NULL. */
static const char *
check_line(char *line, size_t len, bool *in_section)
{
	char *text;

	if (strlen(line) != len)
		return "it has a zero byte";
	if (strcspn(line, "\n") > LINE_LEN_MAX)
		return "it is longer than 322 characters";
	text = strip(line);
	if (text[0] == '\0')
		return NULL;
	if (text[0] != '[')
		return *in_section ? check_pair(text) : "there is no [SECTION] before it";
	*in_section = true;
	if (strchr(text, ']') != text + strlen(text) - 1)
		return "expected [SECTION] and nothing behind it";
	return strlen(text) - 2 >= CFG_NAME_LEN ? "the section's name is too long" : NULL;
}

_Static_assert(CFG_VALUE_LEN == 256 && LINE_LEN_MAX == 322, "as the messages say");

static void
check_lines(struct pvs_reader *r, FILE *file)
{
	const char *path = r->options->file, *wrong;
	bool in_section = false;
	unsigned int n = 0;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	errno = 0;
	while ((len = getline(&line, &size, file)) >= 0) {
		n++;
		wrong = check_line(line, len, &in_section);
		if (wrong != NULL)
			pvs_reader_wrong(r, "%s, line %u: %s", path, n, wrong);
		errno = 0;
	}
	if (ferror(file))
		pvs_reader_wrong(r, "%s: %s", path, strerror(errno));
	free(line);
}

/* ---- sections ---- */

struct section {
	char title[CFG_NAME_LEN];
	struct rte_cfgfile_entry *entries;
	int count;
};

static void
section_wrong(struct pvs_reader *r, const struct section *s, const char *why)
{
	pvs_reader_wrong(r, "%s, section [%s]: %s", r->options->file, s->title, why);
}

/* Hands each pair to `take`, which is one of those that set a word in `to`. */
#define TAKE_PAIRS(r, s, take, to)                                                                 \
	do {                                                                                       \
		char why_[PVS_WHY_MAX];                                                            \
		for (int i_ = 0; i_ < (s)->count; i_++)                                            \
			if (!is_twice(r, s, i_) &&                                                 \
			    take(to, (s)->entries[i_].name, (s)->entries[i_].value, why_) < 0)     \
				section_wrong(r, s, why_);                                         \
	} while (0)

/* Of a word that is given twice, the second. */
static bool
is_twice(struct pvs_reader *r, const struct section *s, int i)
{
	char why[CFG_NAME_LEN + 32];

	for (int k = 0; k < i; k++) {
		if (strcmp(s->entries[k].name, s->entries[i].name) != 0)
			continue;
		snprintf(why, sizeof(why), "%s is given twice", s->entries[i].name);
		section_wrong(r, s, why);
		return true;
	}
	return false;
}

static void
take_port(struct pvs_reader *r, const struct section *s, const char *name)
{
	struct pvs_options *o = r->options;
	char why[PVS_WHY_MAX];

	if (pvs_name_check(name, why) < 0) {
		section_wrong(r, s, why);
	} else if (pvs_section_is_there(o->port, o->ports, name)) {
		section_wrong(r, s, "it is there twice");
	} else {
		struct pvs_section *to = pvs_section_get(&o->port, &o->ports, name, false);

		if (to == NULL)
			section_wrong(r, s, "no memory");
		else
			TAKE_PAIRS(r, s, pvs_settings_word, &to->set);
	}
}

static void
take_guest(struct pvs_reader *r, const struct section *s, const char *name)
{
	struct pvs_options *o = r->options;
	char why[PVS_WHY_MAX];

	if (pvs_guest_name_check(name, why) < 0) {
		section_wrong(r, s, why);
	} else if (pvs_section_is_there(o->guest, o->guests_named, name)) {
		section_wrong(r, s, "it is there twice");
	} else {
		struct pvs_section *to = pvs_section_get(&o->guest, &o->guests_named, name, true);

		if (to == NULL)
			section_wrong(r, s, "no memory");
		else
			TAKE_PAIRS(r, s, pvs_guest_word, &to->set);
	}
}

enum once { ONCE_SWITCH = 1, ONCE_GUESTS = 2 };

static void
take_section(struct pvs_reader *r, const struct section *s, unsigned int *seen)
{
	const char *name = strchr(s->title, ' ');
	const size_t len = strcspn(s->title, " ");
	const unsigned int once = strcmp(s->title, "switch") == 0   ? ONCE_SWITCH
				  : strcmp(s->title, "guests") == 0 ? ONCE_GUESTS
								    : 0;

	name = name != NULL ? name + strspn(name, " ") : "";
	if ((*seen & once) != 0)
		section_wrong(r, s, "it is there twice");
	else if (once == ONCE_SWITCH)
		TAKE_PAIRS(r, s, pvs_options_word, r->options);
	else if (once == ONCE_GUESTS)
		TAKE_PAIRS(r, s, pvs_guest_word, &r->options->guests);
	else if (len == 4 && strncmp(s->title, "port", len) == 0)
		take_port(r, s, name);
	else if (len == 5 && strncmp(s->title, "guest", len) == 0)
		take_guest(r, s, name);
	else
		section_wrong(r, s, "expected [switch], [guests], [port NAME] or [guest NAME]");
	*seen |= once;
}

static void
take_sections(struct pvs_reader *r, struct rte_cfgfile *cfg)
{
	const int count = rte_cfgfile_num_sections(cfg, NULL, 0);
	unsigned int seen = 0;

	for (int i = 0; i < count; i++) {
		struct section s;

		s.count = rte_cfgfile_section_num_entries_by_index(cfg, s.title, i);
		s.entries = calloc(s.count + 1, sizeof(*s.entries));
		if (s.entries == NULL) {
			section_wrong(r, &s, "no memory");
			return;
		}
		rte_cfgfile_section_entries_by_index(cfg, i, s.title, s.entries, s.count);
		take_section(r, &s, &seen);
		free(s.entries);
	}
}

void
pvs_config_read(struct pvs_reader *r)
{
	const struct rte_cfgfile_parameters parameters = {.comment_character = COMMENT};
	const char *path = r->options->file;
	struct rte_cfgfile *cfg;
	FILE *file = fopen(path, "r");

	if (file == NULL) {
		pvs_reader_wrong(r, "%s: %s", path, strerror(errno));
		return;
	}
	check_lines(r, file);
	fclose(file);
	if (r->errors > 0)
		return;
	cfg = rte_cfgfile_load_with_params(path, 0, &parameters);
	if (cfg == NULL) {
		pvs_reader_wrong(r, "%s: it cannot be read", path);
		return;
	}
	take_sections(r, cfg);
	rte_cfgfile_close(cfg);
}
