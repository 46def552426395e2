/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Values of devargs, for rte_kvargs_process(): all of the text must make sense, and what does not
 * is told with what is accepted.
 */
#ifndef PVN_DEVARGS_H
#define PVN_DEVARGS_H

#include <stdint.h>

/* Where a number goes, what is accepted, and how the port is called in messages. */
struct pvn_devargs_number {
	const char *driver;
	const char *name;
	int logtype;
	uint32_t *value;
	uint32_t min;
	uint32_t max;
};

/* `opaque` is a struct pvn_devargs_number. */
int pvn_devargs_number(const char *key, const char *text, void *opaque);

/* `opaque` is a char **, malloc'd; an earlier value is freed. */
int pvn_devargs_text(const char *key, const char *text, void *opaque);

#endif /* PVN_DEVARGS_H */
