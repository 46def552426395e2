/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Decimal numbers and texts.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pvn_compat.h>

#include "pvn_devargs.h"

int
pvn_devargs_number(const char *key, const char *text, void *opaque)
{
	const struct pvn_devargs_number *arg = opaque;
	unsigned long v;
	char *end;

	text = text == NULL ? "" : text;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno != 0 || !isdigit((unsigned char)text[0]) || *end != '\0' || v < arg->min ||
	    v > arg->max) {
		PVN_LOG_LINE(ERR, arg->logtype, "%s %s: %s=%s: expected a number in %u..%u",
			     arg->driver, arg->name, key, text, arg->min, arg->max);
		return -EINVAL;
	}
	*arg->value = v;
	return 0;
}

int
pvn_devargs_text(const char *key __rte_unused, const char *text, void *opaque)
{
	char **copy = opaque;

	free(*copy);
	*copy = strdup(text == NULL ? "" : text);
	return *copy == NULL ? -ENOMEM : 0;
}
