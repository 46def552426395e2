/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Reads a command line by the table of commands. Options may stand anywhere, as --name VALUE or
 * --name=VALUE, each at most once.
 */
#include "command.h"

#include <string.h>

/* The words of the line that are no options, in turn those of the command and its arguments. */
struct words {
	const char *word[CTL_ARGS_MAX + 3];
	unsigned int count;
};

/* ---- options ---- */

static unsigned int
find_option(const char *name, size_t len)
{
	unsigned int i = 0;

	while (i < OPT_COUNT &&
	       (strlen(ctl_opt_name(i)) != len || strncmp(ctl_opt_name(i), name, len) != 0))
		i++;
	return i;
}

/* The option at argv[*at], moved on to the value if that is a word of its own. */
static int
take_option(char *const argv[], int *at, struct ctl_line *line)
{
	const char *text = argv[*at];
	const char *name = strcmp(text, "-j") == 0   ? "json"
			   : strcmp(text, "-h") == 0 ? "help"
			   : strcmp(text, "-n") == 0 ? "count"
						     : NULL;
	size_t len = name != NULL ? strlen(name) : strcspn(text + 2, "=");
	const char *value = name == NULL && text[2 + len] == '=' ? text + 2 + len + 1 : NULL;
	unsigned int i = name != NULL || strncmp(text, "--", 2) == 0
				 ? find_option(name != NULL ? name : text + 2, len)
				 : OPT_COUNT;

	if (i == OPT_COUNT)
		return ctl_usage("there is no option '%s'", text);
	if (line->opt[i] != NULL)
		return ctl_usage("--%s is given twice", ctl_opt_name(i));
	if (ctl_opt_metavar(i)[0] == '\0') {
		if (value != NULL)
			return ctl_usage("--%s takes no value", ctl_opt_name(i));
		value = "";
	} else if (value == NULL) {
		value = argv[++*at];
		if (value == NULL)
			return ctl_usage("--%s needs a value: --%s %s", ctl_opt_name(i),
					 ctl_opt_name(i), ctl_opt_metavar(i));
	}
	line->opt[i] = value;
	return 0;
}

static int
split(char *const argv[], struct ctl_line *line, struct words *words)
{
	for (int i = 1; argv[i] != NULL; i++) {
		if (argv[i][0] == '-' && argv[i][1] != '\0') {
			int ret = take_option(argv, &i, line);

			if (ret < 0)
				return ret;
		} else if (words->count == sizeof(words->word) / sizeof(words->word[0])) {
			return ctl_usage("the line has too many words");
		} else {
			words->word[words->count++] = argv[i];
		}
	}
	return 0;
}

/* ---- the command ---- */

/* How many of the line's words are the command's: all of its words, or 0. */
static unsigned int
match(const struct ctl_command *c, const struct words *words)
{
	const char *p = c->words;
	unsigned int n = 0;

	while (*p != '\0') {
		size_t len = strcspn(p, " ");

		if (n == words->count || strlen(words->word[n]) != len ||
		    strncmp(words->word[n], p, len) != 0)
			return 0;
		n++;
		p += len + (p[len] == ' ');
	}
	return n;
}

static int
take_args(const struct ctl_command *c, const struct words *words, unsigned int from,
	  struct ctl_line *line)
{
	unsigned int most = c->args[0] != '\0', least;

	for (const char *p = c->args; *p != '\0'; p++)
		most += *p == ' ';
	least = strchr(c->args, '[') != NULL ? most - 1 : most;
	if (strstr(c->args, "...") != NULL)
		most = CTL_ARGS_MAX;
	if (words->count - from < least)
		return ctl_usage("%s: expected %s", c->words, c->args);
	if (words->count - from > most)
		return ctl_usage("%s: '%s' is too much", c->words, words->word[from + most]);
	line->words = c->words;
	for (; from < words->count; from++)
		line->arg[line->arg_count++] = words->word[from];
	return 0;
}

static int
check_options(const struct ctl_command *c, const struct ctl_line *line)
{
	for (unsigned int i = 0; i < OPT_COUNT; i++) {
		uint32_t bit = UINT32_C(1) << i;

		if (line->opt[i] != NULL && ((c->options | ctl_global_options) & bit) == 0)
			return ctl_usage("%s has no option --%s", c->words, ctl_opt_name(i));
		if (line->opt[i] == NULL && (c->required & bit) != 0)
			return ctl_usage("%s: --%s %s is missing", c->words, ctl_opt_name(i),
					 ctl_opt_metavar(i));
	}
	return 0;
}

/* Whether more words could make it this command. */
static bool
begins(const struct ctl_command *c, const struct words *words)
{
	const char *p = c->words;

	for (unsigned int i = 0; i < words->count; i++) {
		size_t len = strlen(words->word[i]);

		if (strncmp(p, words->word[i], len) != 0 || p[len] != ' ')
			return false;
		p += len + 1;
	}
	return true;
}

/* *command stays NULL if there are only the words that several commands begin with. */
static int
find_command(const struct words *words, const struct ctl_command **command, unsigned int *used)
{
	bool begun = false;

	for (unsigned int i = 0; i < ctl_command_count; i++) {
		*used = match(&ctl_commands[i], words);
		if (*used > 0) {
			*command = &ctl_commands[i];
			return 0;
		}
		begun = begun || begins(&ctl_commands[i], words);
	}
	if (begun)
		return 0;
	return ctl_usage("there is no command '%s%s%s'", words->word[0],
			 words->count > 1 ? " " : "", words->count > 1 ? words->word[1] : "");
}

int
ctl_parse(int argc, char *const argv[], struct ctl_line *line, const struct ctl_command **command)
{
	struct words words = {.count = 0};
	unsigned int used = 0;
	int ret = argc > 0 ? split(argv, line, &words) : 0;

	*command = NULL;
	if (ret < 0)
		return ret;
	if (words.count > 0 && strcmp(words.word[0], "help") == 0) {
		line->opt[OPT_HELP] = "";
		words.count--;
		memmove(words.word, words.word + 1, words.count * sizeof(words.word[0]));
	}
	if (words.count > 0)
		ret = find_command(&words, command, &used);
	if (ret < 0 || line->opt[OPT_HELP] != NULL || line->opt[OPT_VERSION] != NULL)
		return ret;
	if (*command == NULL)
		return ctl_usage(words.count == 0 ? "a command is missing"
						  : "the command is not complete");
	ret = take_args(*command, &words, used, line);
	return ret < 0 ? ret : check_options(*command, line);
}
