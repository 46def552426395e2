/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "words.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"

/* ---- numbers ---- */

int
pvs_digits_read(const char *text, uint64_t *value, const char **end)
{
	char *after = NULL;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &after, 10);
	*end = after;
	return errno == 0 ? 0 : -EINVAL;
}

static void
store(const struct pvs_word *word, void *field, uint64_t value)
{
	if (word->size == sizeof(uint16_t))
		*(uint16_t *)field = value;
	else if (word->size == sizeof(uint32_t))
		*(uint32_t *)field = value;
	else
		*(uint64_t *)field = value;
}

static uint64_t
load(const struct pvs_word *word, const void *field)
{
	if (word->size == sizeof(uint16_t))
		return *(const uint16_t *)field;
	if (word->size == sizeof(uint32_t))
		return *(const uint32_t *)field;
	return *(const uint64_t *)field;
}

/* 1000 for K, its square for M, ...; 0 if it is none of them. */
static uint64_t
factor(const char *suffix)
{
	static const char letters[] = "KMG";
	uint64_t result = 1000;

	if (suffix[0] == '\0')
		return 1;
	for (size_t i = 0; letters[i] != '\0'; i++, result *= 1000)
		if (toupper((unsigned char)suffix[0]) == letters[i] && suffix[1] == '\0')
			return result;
	return 0;
}

static int
number_take(const struct pvs_word *word, void *field, const char *text, bool scaled)
{
	uint64_t value, times;
	const char *suffix;

	if (pvs_digits_read(text, &value, &suffix) < 0)
		return -EINVAL;
	times = scaled || suffix[0] == '\0' ? factor(suffix) : 0;
	if (times == 0 || value > word->max / times)
		return -EINVAL;
	value *= times;
	if (value < word->min && (value != 0 || word->zero == NULL))
		return -EINVAL;
	store(word, field, value);
	return 0;
}

int
pvs_number_read(const struct pvs_word *word, void *field, const char *text)
{
	return number_take(word, field, text, false);
}

int
pvs_scaled_read(const struct pvs_word *word, void *field, const char *text)
{
	return number_take(word, field, text, true);
}

void
pvs_number_print(const struct pvs_word *word, const void *field, FILE *to)
{
	fprintf(to, "%" PRIu64, load(word, field));
}

void
pvs_scaled_print(const struct pvs_word *word, const void *field, FILE *to)
{
	static const char *const suffixes[] = {"", "K", "M", "G"};
	uint64_t value = load(word, field);
	unsigned int i = 0;

	while (value != 0 && value % 1000 == 0 && i < 3) {
		value /= 1000;
		i++;
	}
	fprintf(to, "%" PRIu64 "%s", value, suffixes[i]);
}

/* ---- choices ---- */

int
pvs_choice_read(const struct pvs_word *word, void *field, const char *text)
{
	unsigned int i = 0;

	while (word->names[i] != NULL && strcmp(word->names[i], text) != 0)
		i++;
	if (word->names[i] == NULL)
		return -EINVAL;
	if (word->size == sizeof(bool))
		*(bool *)field = i != 0;
	else
		*(unsigned int *)field = i;
	return 0;
}

void
pvs_choice_print(const struct pvs_word *word, const void *field, FILE *to)
{
	const unsigned int i =
		word->size == sizeof(bool) ? *(const bool *)field : *(const unsigned int *)field;

	fputs(word->names[i], to);
}

/* ---- text ---- */

int
pvs_text_read(const struct pvs_word *word, void *field, const char *text)
{
	if (text[0] == '\0' || strlen(text) >= word->size)
		return -EINVAL;
	for (const char *p = text; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			return -EINVAL;
	strcpy(field, text);
	return 0;
}

void
pvs_text_print(const struct pvs_word *word, const void *field, FILE *to)
{
	(void)word;
	fputs(field, to);
}

/* ---- tables ---- */

const struct pvs_word *
pvs_word_find(const struct pvs_word *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static void
print_choices(const struct pvs_word *word, FILE *to)
{
	for (unsigned int i = 0; word->names[i] != NULL; i++) {
		const char *before = i == 0 ? "" : word->names[i + 1] == NULL ? " or " : ", ";

		fprintf(to, "%s%s", before, word->names[i]);
	}
}

static void
print_accepted(const struct pvs_word *word, FILE *to)
{
	if (word->accepted != NULL) {
		fputs(word->accepted, to);
	} else if (word->names != NULL) {
		print_choices(word, to);
	} else if (word->max == 0) {
		fprintf(to, "1..%zu characters, none of them a control character", word->size - 1);
	} else {
		fprintf(to, "a number in %" PRIu64 "..%" PRIu64, word->min, word->max);
		if (word->zero != NULL)
			fprintf(to, ", or 0 for %s", word->zero);
		if (word->read == pvs_scaled_read)
			fputs("; K, M and G behind it stand for thousands, millions, ...", to);
	}
}

/* Values may come over the control socket: messages stay one line. */
static void
print_plain(const char *text, FILE *to)
{
	for (unsigned int i = 0; text[i] != '\0' && i < 60; i++)
		fputc(iscntrl((unsigned char)text[i]) ? '?' : text[i], to);
	if (strlen(text) > 60)
		fputs("...", to);
}

int
pvs_word_read(const struct pvs_word *word, void *base, const char *text, char *why)
{
	FILE *to;

	if (word->read(word, (char *)base + word->offset, text) == 0)
		return 0;
	why[0] = '\0';
	to = fmemopen(why, PVS_WHY_MAX, "w");
	if (to == NULL)
		return -EINVAL;
	fprintf(to, "%s '", word->name);
	print_plain(text, to);
	fputs("': expected ", to);
	print_accepted(word, to);
	fclose(to);
	why[PVS_WHY_MAX - 1] = '\0';
	return -EINVAL;
}

void
pvs_word_names(const struct pvs_word *table, size_t count, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count && used < size; i++) {
		const char *before = i == 0 ? "" : i + 1 == count ? " or " : ", ";

		used += snprintf(text + used, size - used, "%s%s", before, table[i].name);
	}
}

void
pvs_word_help(const struct pvs_word *table, size_t count, const char *before, FILE *to)
{
	char left[48];

	for (size_t i = 0; i < count; i++) {
		snprintf(left, sizeof(left), "%s%s%c%s", before, table[i].name,
			 before[0] == '-' ? ' ' : '=', table[i].metavar);
		fprintf(to, "  %-24s  %s\n", left, table[i].help);
	}
}
