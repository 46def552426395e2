/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The public calls of XenStore: as xen.c, for the store.
 */
#include "xen_ops.h"

#include <errno.h>
#include <string.h>

/* A request of XenStore carries path, NUL and value (or token, NUL) in one message. [XEN 1] */
#define PAYLOAD_MAX 4096u

/* More than xenstored lets an unprivileged domain set; for arrays on the stack. */
#define PERMS_MAX 64u

static int
check_path(const struct pvn_xen *x, const char *path)
{
	if (x == NULL || path == NULL)
		return xen_fail(EINVAL, "a connection and a path are needed");
	if (path[0] == '\0')
		return xen_fail(EINVAL, "the path is empty");
	if (strnlen(path, PVN_XEN_PATH_MAX + 1) > PVN_XEN_PATH_MAX)
		return xen_fail(EINVAL, "the path %.40s... is longer than %d bytes", path,
				PVN_XEN_PATH_MAX);
	return 0;
}

static int
check_out(const struct pvn_xen *x, const char *path, const void *out)
{
	if (out == NULL)
		return xen_fail(EINVAL, "a place for the result is needed");
	return check_path(x, path);
}

int
pvn_xen_read(struct pvn_xen *x, uint32_t txn, const char *path, char **value)
{
	int ret = check_out(x, path, value);

	return ret < 0 ? ret : x->ops->read(x, txn, path, value);
}

int
pvn_xen_write(struct pvn_xen *x, uint32_t txn, const char *path, const char *value, size_t len)
{
	int ret = check_path(x, path);

	if (ret < 0)
		return ret;
	if (value == NULL && len > 0)
		return xen_fail(EINVAL, "%s: there is no value to write", path);
	if (len > PVN_XEN_VALUE_MAX || strlen(path) + 1 + len > PAYLOAD_MAX)
		return xen_fail(E2BIG, "%s: a value of %zu bytes: path and value may have %u", path,
				len, PAYLOAD_MAX - 1);
	return x->ops->write(x, txn, path, value, len);
}

int
pvn_xen_mkdir(struct pvn_xen *x, uint32_t txn, const char *path)
{
	int ret = check_path(x, path);

	return ret < 0 ? ret : x->ops->mkdir(x, txn, path);
}

int
pvn_xen_rm(struct pvn_xen *x, uint32_t txn, const char *path)
{
	int ret = check_path(x, path);

	if (ret == 0)
		ret = x->ops->rm(x, txn, path);
	/* XenStore says this only when the parent is missing, too. */
	return ret == -ENOENT ? 0 : ret;
}

int
pvn_xen_list(struct pvn_xen *x, uint32_t txn, const char *path, char ***names)
{
	int ret = check_out(x, path, names);

	return ret < 0 ? ret : x->ops->list(x, txn, path, names);
}

int
pvn_xen_set_perms(struct pvn_xen *x, uint32_t txn, const char *path,
		  const struct pvn_xen_perm *perms, unsigned int count)
{
	int ret = check_path(x, path);

	if (ret < 0)
		return ret;
	if (perms == NULL || count == 0 || count > PERMS_MAX)
		return xen_fail(EINVAL, "%s: %u permissions: expected 1..%u, the first the owner's",
				path, perms == NULL ? 0 : count, PERMS_MAX);
	return x->ops->set_perms(x, txn, path, perms, count);
}

int
pvn_xen_get_perms(struct pvn_xen *x, uint32_t txn, const char *path, struct pvn_xen_perm **perms)
{
	int ret = check_out(x, path, perms);

	return ret < 0 ? ret : x->ops->get_perms(x, txn, path, perms);
}

int
pvn_xen_txn_begin(struct pvn_xen *x, uint32_t *txn)
{
	if (x == NULL || txn == NULL)
		return xen_fail(EINVAL, "a connection and a place for the result are needed");
	return x->ops->txn_begin(x, txn);
}

int
pvn_xen_txn_end(struct pvn_xen *x, uint32_t txn, bool commit)
{
	if (x == NULL || txn == PVN_XEN_NO_TXN)
		return xen_fail(EINVAL, "a connection and a transaction are needed");
	return x->ops->txn_end(x, txn, commit);
}

static int
check_watch(const struct pvn_xen *x, const char *path, const char *token)
{
	int ret = check_path(x, path);

	if (ret < 0)
		return ret;
	if (token == NULL)
		return xen_fail(EINVAL, "%s: a watch needs a token", path);
	if (strnlen(token, PAYLOAD_MAX) + strlen(path) + 2 > PAYLOAD_MAX)
		return xen_fail(E2BIG,
				"%s: the token is too long: path and token may have %u bytes", path,
				PAYLOAD_MAX - 2);
	return 0;
}

int
pvn_xen_watch(struct pvn_xen *x, const char *path, const char *token)
{
	int ret = check_watch(x, path, token);

	return ret < 0 ? ret : x->ops->watch(x, path, token);
}

int
pvn_xen_unwatch(struct pvn_xen *x, const char *path, const char *token)
{
	int ret = check_watch(x, path, token);

	return ret < 0 ? ret : x->ops->unwatch(x, path, token);
}

int
pvn_xen_watch_fd(struct pvn_xen *x)
{
	if (x == NULL)
		return xen_fail(EINVAL, "a connection is needed");
	return x->ops->watch_fd(x);
}

int
pvn_xen_watch_next(struct pvn_xen *x, char **token, char **path)
{
	if (x == NULL || token == NULL)
		return xen_fail(EINVAL, "a connection and a place for the token are needed");
	return x->ops->watch_next(x, token, path);
}
