/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "table.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

void
table_begin(struct table *t, const char *const *titles, uint32_t right)
{
	*t = (struct table){.right = right};
	while (titles[t->columns] != NULL && t->columns < TABLE_COLUMNS_MAX)
		t->columns++;
	for (unsigned int i = 0; i < t->columns; i++)
		table_cell(t, titles[i]);
}

void
table_cell(struct table *t, const char *text)
{
	char **more = realloc(t->cells, (t->count + 1) * sizeof(*more));
	char *copy = strdup(text == NULL || text[0] == '\0' ? "-" : text);

	if (more != NULL)
		t->cells = more;
	if (more == NULL || copy == NULL) {
		free(copy);
		t->failed = 1;
		return;
	}
	for (char *p = copy; *p != '\0'; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
	t->cells[t->count++] = copy;
}

void
table_cellf(struct table *t, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	table_cell(t, text);
}

unsigned int
table_rows(const struct table *t)
{
	return t->columns > 0 ? t->count / t->columns : 0;
}

static void
find_widths(const struct table *t, int *widths)
{
	memset(widths, 0, TABLE_COLUMNS_MAX * sizeof(*widths));
	for (unsigned int i = 0; i < t->count; i++) {
		const int len = strlen(t->cells[i]);

		if (len > widths[i % t->columns])
			widths[i % t->columns] = len;
	}
}

/* The last column is not filled up. */
static int
format_cell(const struct table *t, unsigned int i, const int *widths, char *to, size_t size)
{
	const unsigned int column = i % t->columns;
	const bool last = column + 1 == t->columns;

	if ((t->right >> column & 1) != 0)
		return snprintf(to, size, "%*s%s", widths[column], t->cells[i], last ? "" : "  ");
	return snprintf(to, size, "%-*s%s", last ? 0 : widths[column], t->cells[i],
			last ? "" : "  ");
}

void
table_print_rows(const struct table *t, FILE *to, unsigned int from, unsigned int end,
		 unsigned int width, const char *line_end)
{
	int widths[TABLE_COLUMNS_MAX];

	find_widths(t, widths);
	for (unsigned int row = from; row < end && row < table_rows(t); row++) {
		char line[4096];
		size_t used = 0;

		for (unsigned int c = 0; c < t->columns && used < sizeof(line); c++)
			used += format_cell(t, row * t->columns + c, widths, line + used,
					    sizeof(line) - used);
		fprintf(to, "%.*s%s\n", width > 0 ? (int)width : (int)sizeof(line), line, line_end);
	}
}

void
table_end(struct table *t)
{
	for (unsigned int i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){0};
}

int
table_finish(struct table *t)
{
	const int ret = t->failed ? ctl_fail("no memory") : 0;

	if (ret == 0)
		table_print_rows(t, stdout, 0, UINT32_MAX, 0, "");
	table_end(t);
	return ret;
}
