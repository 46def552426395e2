/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Talking to pvswitch over its control socket: a line with an array of words goes there, a line
 * with an object comes back. [docs/design/switch.md, 9]
 */
#ifndef PVNCTL_SWITCH_H
#define PVNCTL_SWITCH_H

#include <jansson.h>

#include "ctl.h"

#define SWITCH_WORDS_MAX (CTL_ARGS_MAX + 8)

/* A request being made. */
struct switch_words {
	const char *word[SWITCH_WORDS_MAX];
	unsigned int count;
};

/* Splits "show ports" and so on; the text stays in use. */
void switch_words_add(struct switch_words *words, const char *word);

/* A connection, or CTL_FAIL. */
int switch_open(const struct ctl_line *line);

/* The same with another program that takes words: who it is, and which option says where. */
int switch_connect(const char *path, const char *who, const char *option);

/* Asks; the answer, or NULL with ctl_why() where it is an error, too. */
json_t *switch_ask(int fd, const struct switch_words *words);

/* Asks for all pages of what has its rows in the array `key`; the first answer, with all rows in.
 */
json_t *switch_ask_all(int fd, const struct switch_words *words, const char *key);

/* The request that a line makes: its command's words, its arguments, --port and --vlan. `text` is
 * CTL_REQUEST bytes that stay in use.
 */
#define SWITCH_TEXT 64
void switch_words_of(const struct ctl_line *line, char *text, struct switch_words *words);

/* Members of an object, with something else where they are not what they should be. */
const char *switch_text(const json_t *object, const char *key);	 /* NULL */
json_int_t switch_number(const json_t *object, const char *key); /* 0 */

int switch_print_json(json_t *reply);

#endif /* PVNCTL_SWITCH_H */
