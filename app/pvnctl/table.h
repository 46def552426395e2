/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A table for people: columns as wide as their widest cell. Cells may hold what somebody else
 * wrote, so whatever is not a printable ASCII character is a question mark.
 */
#ifndef PVNCTL_TABLE_H
#define PVNCTL_TABLE_H

#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 16

struct table {
	unsigned int columns;
	uint32_t right; /* bit i: column i is aligned to the right, for numbers */
	char **cells;
	unsigned int count; /* of cells */
	int failed;	    /* no memory */
};

/* Begins with a row of titles, NULL at the end. */
void table_begin(struct table *t, const char *const *titles, uint32_t right);

/* The next cell, "-" for NULL or nothing. */
void table_cell(struct table *t, const char *text);
__attribute__((format(printf, 2, 3))) void table_cellf(struct table *t, const char *fmt, ...);

/* Prints rows `from` to `to` (row 0: the titles), no line longer than `width` (0: any), and the end
 * of a line before each newline.
 */
void table_print_rows(const struct table *t, FILE *to, unsigned int from, unsigned int end,
		      unsigned int width, const char *line_end);
unsigned int table_rows(const struct table *t);
void table_end(struct table *t);

/* Prints all and ends; 0, or CTL_FAIL. */
int table_finish(struct table *t);

#endif /* PVNCTL_TABLE_H */
