/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Words and their values: a table says what there is, and reads, explains and prints it. settings.c
 * has the words of a port, config.c those of the whole switch.
 */
#ifndef PVS_WORDS_H
#define PVS_WORDS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct pvs_word {
	const char *name;
	const char *metavar; /* what stands for the value in help texts */
	const char *help;
	/* Takes the whole text or nothing: 0 or -EINVAL. */
	int (*read)(const struct pvs_word *word, void *field, const char *text);
	/* As pvs_word_read() takes it. */
	void (*print)(const struct pvs_word *word, const void *field, FILE *to);
	size_t offset, size;	  /* of the field, in the table's struct */
	const char *accepted;	  /* NULL: it follows from what is below */
	const char *const *names; /* choice: by value, NULL at the end */
	uint64_t min, max;	  /* number */
	const char *zero;	  /* number: 0 is accepted too and means this */
};

#define PVS_WORD_FIELD(type, field)                                                                \
	.offset = offsetof(type, field), .size = sizeof(((type *)NULL)->field)

/* Unsigned fields of 2, 4 or 8 bytes; scaled ones may have K, M or G behind them. */
int pvs_number_read(const struct pvs_word *word, void *field, const char *text);
int pvs_scaled_read(const struct pvs_word *word, void *field, const char *text);
void pvs_number_print(const struct pvs_word *word, const void *field, FILE *to);
void pvs_scaled_print(const struct pvs_word *word, const void *field, FILE *to);

/* A bool or an enum. */
int pvs_choice_read(const struct pvs_word *word, void *field, const char *text);
void pvs_choice_print(const struct pvs_word *word, const void *field, FILE *to);

/* An array of characters, of which one at least is given, and no control characters. */
int pvs_text_read(const struct pvs_word *word, void *field, const char *text);
void pvs_text_print(const struct pvs_word *word, const void *field, FILE *to);

/* "1-100,200", "all" or "none", into a struct pvn_switch_vlans. */
int pvs_vlans_read(const struct pvs_word *word, void *field, const char *text);
void pvs_vlans_print(const struct pvs_word *word, const void *field, FILE *to);

/* Addresses, "any" or "own", into a whole struct pvs_settings. */
int pvs_macs_read(const struct pvs_word *word, void *field, const char *text);
void pvs_macs_print(const struct pvs_word *word, const void *field, FILE *to);

/* NULL if there is none of this name. */
const struct pvs_word *pvs_word_find(const struct pvs_word *table, size_t count, const char *name);

/* Reads into the field in the struct at `base`. 0, or -EINVAL with what was wrong in `why`. */
int pvs_word_read(const struct pvs_word *word, void *base, const char *text, char *why);

/* All names, for a message: "a, b or c". */
void pvs_word_names(const struct pvs_word *table, size_t count, char *text, size_t size);

/* A line for each: name, value, what it is. */
void pvs_word_help(const struct pvs_word *table, size_t count, const char *before, FILE *to);

/* 64 bits, decimal, from the beginning of the text; *end is what follows. -EINVAL if there is no
 * digit, or too many.
 */
int pvs_digits_read(const char *text, uint64_t *value, const char **end);

#endif /* PVS_WORDS_H */
