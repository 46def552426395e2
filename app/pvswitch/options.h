/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What config.c (the file), cmdline.c (the command line) and options.c (the rest) share.
 */
#ifndef PVS_OPTIONS_H
#define PVS_OPTIONS_H

#include "settings.h"
#include "words.h"

#define PVS_ERRORS_MAX 20u /* as many are told */

/* What is being read, and what was wrong. */
struct pvs_reader {
	struct pvs_options *options;
	FILE *to;  /* where errors are printed; NULL: nowhere */
	char *why; /* PVS_WHY_MAX bytes for the first of them; NULL: not wanted */
	unsigned int errors;
};

__attribute__((format(printf, 2, 3))) void pvs_reader_wrong(struct pvs_reader *r, const char *fmt,
							    ...);

/* The section of this name, made if there is none. NULL: no memory. */
struct pvs_section *pvs_section_get(struct pvs_section **list, uint32_t *count, const char *name,
				    bool guest);
bool pvs_section_is_there(const struct pvs_section *list, uint32_t count, const char *name);

/* Whether a guest may be called that. 0 or -EINVAL and why. */
int pvs_guest_name_check(const char *name, char *why);

/* Sets a word of [switch]. 0 or -EINVAL and why. */
int pvs_options_word(struct pvs_options *options, const char *word, const char *value, char *why);

bool pvs_options_has_word(const char *word);
void pvs_options_help(FILE *to);

/* The same for one of a guest's, which has no device of its own. */
int pvs_guest_word(struct pvs_settings *set, const char *word, const char *value, char *why);

/* Reads options->file. */
void pvs_config_read(struct pvs_reader *r);

/* What must be known before the file is read: sets options->file, returns flags. */
enum pvs_flag { PVS_FLAG_HELP = 1, PVS_FLAG_VERSION = 2, PVS_FLAG_CHECK = 4 };
unsigned int pvs_command_line_look(struct pvs_reader *r);

/* The rest of it. */
void pvs_command_line_read(struct pvs_reader *r);
void pvs_command_line_help(FILE *to);

#endif /* PVS_OPTIONS_H */
