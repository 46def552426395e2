/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Strict reading and writing of device nodes.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pvn_xenbus.h"

/* Conflicts in a row before we give up; each means that somebody else got something done. */
#define TRANSACT_TRIES 50

const char *
pvn_xenbus_state_name(unsigned int state)
{
	static const char *const names[] = {
		"Unknown",   "Initialising", "InitWait", "Initialised",
		"Connected", "Closing",	     "Closed",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : names[0];
}

static int
join(char *path, size_t size, const char *dir, const char *node)
{
	int len = snprintf(path, size, "%s/%s", dir, node);

	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

int
pvn_xenbus_read(struct pvn_xen *x, uint32_t txn, const char *dir, const char *node, char *buf,
		size_t size)
{
	char path[PVN_XEN_PATH_MAX + 1], *value;
	int len = join(path, sizeof(path), dir, node);

	if (len < 0)
		return len;
	len = pvn_xen_read(x, txn, path, &value);
	if (len < 0)
		return len;
	if ((size_t)len >= size) {
		len = -EINVAL;
		goto out;
	}
	for (int i = 0; i < len; i++) {
		if (!isprint((unsigned char)value[i])) {
			len = -EINVAL;
			goto out;
		}
	}
	memcpy(buf, value, len);
	buf[len] = '\0';
out:
	free(value);
	return len;
}

/* A number at *text, moved on behind it. strtoull alone takes blanks and signs. */
static int
number(const char **text, int base, uint64_t max, uint64_t *value)
{
	char *end;

	if (!(base == 16 ? isxdigit((unsigned char)**text) : isdigit((unsigned char)**text)))
		return -EINVAL;
	errno = 0;
	*value = strtoull(*text, &end, base);
	if (errno != 0 || *value > max)
		return -EINVAL;
	*text = end;
	return 0;
}

int
pvn_xenbus_read_number(struct pvn_xen *x, uint32_t txn, const char *dir, const char *node, int base,
		       uint64_t max, uint64_t *value)
{
	char buf[32];
	const char *text = buf;
	int ret = pvn_xenbus_read(x, txn, dir, node, buf, sizeof(buf));

	if (ret < 0)
		return ret;
	if (number(&text, base, max, value) < 0 || *text != '\0')
		return -EINVAL;
	return 0;
}

int
pvn_xenbus_read_refs(struct pvn_xen *x, uint32_t txn, const char *dir, const char *node,
		     uint32_t *refs, uint32_t count)
{
	char buf[PVN_XEN_VALUE_MAX + 1];
	const char *text = buf;
	uint64_t value;
	int ret = pvn_xenbus_read(x, txn, dir, node, buf, sizeof(buf));

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0 && *text++ != ',')
			return -EINVAL;
		if (number(&text, 10, UINT32_MAX, &value) < 0)
			return -EINVAL;
		refs[i] = value;
	}
	return *text == '\0' ? 0 : -EINVAL;
}

int
pvn_xenbus_write_refs(struct pvn_xen *x, uint32_t txn, const char *dir, const char *node,
		      const uint32_t *refs, uint32_t count)
{
	char buf[PVN_XEN_VALUE_MAX + 1];
	size_t len = 0;

	for (uint32_t i = 0; i < count; i++) {
		int n = snprintf(buf + len, sizeof(buf) - len, "%s%u", i > 0 ? "," : "", refs[i]);

		len += n;
		if (n < 0 || len >= sizeof(buf))
			return -E2BIG;
	}
	return pvn_xenbus_write(x, txn, dir, node, "%s", buf);
}

int
pvn_xenbus_write(struct pvn_xen *x, uint32_t txn, const char *dir, const char *node,
		 const char *fmt, ...)
{
	char path[PVN_XEN_PATH_MAX + 1], value[PVN_XEN_VALUE_MAX + 1];
	va_list args;
	int len, ret = join(path, sizeof(path), dir, node);

	if (ret < 0)
		return ret;
	va_start(args, fmt);
	len = vsnprintf(value, sizeof(value), fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(value))
		return -E2BIG;
	return pvn_xen_write(x, txn, path, value, len);
}

enum pvn_xenbus_state
pvn_xenbus_state(struct pvn_xen *x, const char *dir)
{
	uint64_t state;

	if (pvn_xenbus_read_number(x, PVN_XEN_NO_TXN, dir, "state", 10, PVN_XENBUS_CLOSED, &state) <
	    0)
		return PVN_XENBUS_UNKNOWN;
	return (enum pvn_xenbus_state)state;
}

int
pvn_xenbus_transact(struct pvn_xen *x, int (*step)(struct pvn_xen *x, uint32_t txn, void *arg),
		    void *arg)
{
	uint32_t txn;
	int ret, end;

	for (int i = 0; i < TRANSACT_TRIES; i++) {
		ret = pvn_xen_txn_begin(x, &txn);
		if (ret < 0)
			return ret;
		ret = step(x, txn, arg);
		end = pvn_xen_txn_end(x, txn, ret >= 0);
		if (ret < 0 || end == 0)
			return ret;
		if (end != -EAGAIN)
			return end;
	}
	return -EAGAIN;
}
