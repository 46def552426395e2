/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What telemetry of regions has in common. An answer has 16 KiB at most, so lists come in pages:
 * "next" is where the next one starts.
 */
#ifndef IVSHMEM_TELEMETRY_H
#define IVSHMEM_TELEMETRY_H

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include <pvn_compat.h>

#define TELEMETRY_REGIONS_PAGE 200u
#define TELEMETRY_PARTS_PAGE 30u /* links of a region, at most 400 bytes each */

/* rte_telemetry writes text into JSON as it is. */
static inline void
telemetry_text(struct rte_tel_data *d, const char *name, const char *text)
{
	char plain[RTE_TEL_MAX_STRING_LEN];

	snprintf(plain, sizeof(plain), "%s", text);
	for (char *p = plain; *p != '\0'; p++)
		if (!isprint((unsigned char)*p) || *p == '"' || *p == '\\')
			*p = '?';
	rte_tel_data_add_dict_string(d, name, plain);
}

/* A number, all of `text`; nothing is 0. */
static inline int
telemetry_start(const char *text, uint32_t *start)
{
	unsigned long value;
	char *end;

	*start = 0;
	if (text == NULL || text[0] == '\0')
		return 0;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 || value > UINT32_MAX)
		return -EINVAL;
	*start = value;
	return 0;
}

/* "NAME" or "NAME,START". */
static inline int
telemetry_name(const char *params, char *name, size_t size, uint32_t *start)
{
	size_t len = params != NULL ? strcspn(params, ",") : 0;

	if (len == 0 || len >= size)
		return -EINVAL;
	memcpy(name, params, len);
	name[len] = '\0';
	return telemetry_start(params[len] == ',' ? params + len + 1 : NULL, start);
}

/* A dictionary in a dictionary, under a number; NULL: no memory, or no room. */
static inline struct rte_tel_data *
telemetry_numbered(struct rte_tel_data *to, uint32_t number)
{
	struct rte_tel_data *d = rte_tel_data_alloc();
	char text[12];

	if (d == NULL)
		return NULL;
	rte_tel_data_start_dict(d);
	snprintf(text, sizeof(text), "%u", number);
	if (rte_tel_data_add_dict_container(to, text, d, 0) == 0)
		return d;
	rte_tel_data_free(d);
	return NULL;
}

#endif /* IVSHMEM_TELEMETRY_H */
