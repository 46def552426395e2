/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * XenStore of Xen. Over xenstored's own socket a path that does not begin with '/' means nothing,
 * so there our home is put before it, and for watches of such paths taken off again; the first
 * letter of the token that xenstored gets says which these are.
 */
#include "xen_real.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOME_PUT 'h'
#define HOME_NOT_PUT '-'

/* A path as xenstored wants it. */
struct full_path {
	char text[sizeof(((struct real *)NULL)->home) + PVN_XEN_PATH_MAX + 1];
};

static bool
needs_home(const struct real *r, const char *path)
{
	return r->home[0] != '\0' && path[0] != '/' && path[0] != '@';
}

static const char *
full(const struct real *r, const char *path, struct full_path *buf)
{
	if (!needs_home(r, path))
		return path;
	snprintf(buf->text, sizeof(buf->text), "%s%s", r->home, path);
	return buf->text;
}

/* A call about a path failed, with errno. */
static int
failed(const struct real *r, const char *what, const char *path)
{
	int error = errno == 0 ? EIO : errno;

	if (error == ENOENT)
		return xen_fail(error, "%s does not exist", path);
	if (error == EACCES)
		return xen_fail(error, "%s: domain %u may not %s it", path, r->x.domid, what);
	if (error == ENOSPC || error == E2BIG || error == EDQUOT)
		return xen_fail(error,
				"%s: %s: xenstored's limits for domain %u (nodes, their "
				"size, watches, transactions) are reached",
				path, strerror(error), r->x.domid);
	return xen_fail(error, "%s: cannot %s it: %s", path, what, strerror(error));
}

/* ---- nodes ---- */

int
real_read(struct pvn_xen *x, uint32_t txn, const char *path, char **value)
{
	struct real *r = (struct real *)x;
	struct full_path buf;
	unsigned int len;
	char *got = xs_read(r->xs, txn, full(r, path, &buf), &len);

	if (got == NULL)
		return failed(r, "read", path);
	*value = got;
	return len;
}

int
real_write(struct pvn_xen *x, uint32_t txn, const char *path, const char *value, size_t len)
{
	struct real *r = (struct real *)x;
	struct full_path buf;

	if (!xs_write(r->xs, txn, full(r, path, &buf), len == 0 ? "" : value, len))
		return failed(r, "write", path);
	return 0;
}

int
real_mkdir(struct pvn_xen *x, uint32_t txn, const char *path)
{
	struct real *r = (struct real *)x;
	struct full_path buf;

	return xs_mkdir(r->xs, txn, full(r, path, &buf)) ? 0 : failed(r, "make", path);
}

int
real_rm(struct pvn_xen *x, uint32_t txn, const char *path)
{
	struct real *r = (struct real *)x;
	struct full_path buf;

	return xs_rm(r->xs, txn, full(r, path, &buf)) ? 0 : failed(r, "remove", path);
}

int
real_list(struct pvn_xen *x, uint32_t txn, const char *path, char ***names)
{
	struct real *r = (struct real *)x;
	struct full_path buf;
	unsigned int count;
	char **got = xs_directory(r->xs, txn, full(r, path, &buf), &count);

	if (got == NULL)
		return failed(r, "list", path);
	*names = got;
	return count;
}

int
real_set_perms(struct pvn_xen *x, uint32_t txn, const char *path, const struct pvn_xen_perm *perms,
	       unsigned int count)
{
	struct real *r = (struct real *)x;
	struct xs_permissions p[64]; /* xen_store.c lets no more through */
	struct full_path buf;

	for (unsigned int i = 0; i < count; i++) {
		p[i].id = perms[i].domid;
		p[i].perms =
			(perms[i].read ? XS_PERM_READ : 0) | (perms[i].write ? XS_PERM_WRITE : 0);
	}
	if (!xs_set_permissions(r->xs, txn, full(r, path, &buf), p, count))
		return failed(r, "set permissions of", path);
	return 0;
}

int
real_get_perms(struct pvn_xen *x, uint32_t txn, const char *path, struct pvn_xen_perm **perms)
{
	struct real *r = (struct real *)x;
	struct full_path buf;
	unsigned int count;
	struct xs_permissions *p;
	struct pvn_xen_perm *made;

	p = xs_get_permissions(r->xs, txn, full(r, path, &buf), &count);
	if (p == NULL)
		return failed(r, "read", path);
	made = calloc(count, sizeof(*made));
	for (unsigned int i = 0; i < count && made != NULL; i++) {
		made[i].domid = p[i].id;
		made[i].read = (p[i].perms & XS_PERM_READ) != 0;
		made[i].write = (p[i].perms & XS_PERM_WRITE) != 0;
	}
	free(p);
	if (made == NULL)
		return xen_fail(ENOMEM, "no memory for %u permissions", count);
	*perms = made;
	return count;
}

/* ---- transactions ---- */

int
real_txn_begin(struct pvn_xen *x, uint32_t *txn)
{
	struct real *r = (struct real *)x;
	xs_transaction_t t = xs_transaction_start(r->xs);

	if (t == XBT_NULL)
		return failed(r, "begin", "a transaction");
	*txn = t;
	return 0;
}

int
real_txn_end(struct pvn_xen *x, uint32_t txn, bool commit)
{
	struct real *r = (struct real *)x;

	if (xs_transaction_end(r->xs, txn, !commit))
		return 0;
	if (errno == EAGAIN)
		return xen_fail(EAGAIN, "somebody else changed what was read: begin again");
	return failed(r, "end", "the transaction");
}

/* ---- watches ---- */

static char *
marked(const struct real *r, const char *path, const char *token)
{
	char *text;

	if (asprintf(&text, "%c%s", needs_home(r, path) ? HOME_PUT : HOME_NOT_PUT, token) >= 0)
		return text;
	xen_fail(ENOMEM, "no memory for a watch of %s", path);
	return NULL;
}

int
real_watch(struct pvn_xen *x, const char *path, const char *token)
{
	struct real *r = (struct real *)x;
	char *text = marked(r, path, token);
	struct full_path buf;
	int ret = 0;

	if (text == NULL)
		return -ENOMEM;
	if (!xs_watch(r->xs, full(r, path, &buf), text))
		ret = failed(r, "watch", path);
	free(text);
	return ret;
}

int
real_unwatch(struct pvn_xen *x, const char *path, const char *token)
{
	struct real *r = (struct real *)x;
	char *text = marked(r, path, token);
	struct full_path buf;
	int ret = 0;

	if (text == NULL)
		return -ENOMEM;
	if (!xs_unwatch(r->xs, full(r, path, &buf), text))
		ret = failed(r, "unwatch", path);
	free(text);
	return ret;
}

int
real_watch_fd(struct pvn_xen *x)
{
	return xs_fileno(((struct real *)x)->xs);
}

static int
give(const struct real *r, char **event, char **token, char **path)
{
	const char *from = event[XS_WATCH_PATH];
	size_t home = strlen(r->home);
	char *made_token = strdup(event[XS_WATCH_TOKEN] + 1);
	char *made_path = NULL;

	if (event[XS_WATCH_TOKEN][0] == HOME_PUT && strncmp(from, r->home, home) == 0)
		from += home;
	if (path != NULL)
		made_path = strdup(from);
	if (made_token == NULL || (path != NULL && made_path == NULL)) {
		free(made_token);
		free(made_path);
		return xen_fail(ENOMEM, "no memory for a watch event");
	}
	*token = made_token;
	if (path != NULL)
		*path = made_path;
	return 0;
}

int
real_watch_next(struct pvn_xen *x, char **token, char **path)
{
	struct real *r = (struct real *)x;
	char **event = xs_check_watch(r->xs);
	int ret;

	if (event == NULL && errno == EAGAIN)
		return -EAGAIN;
	if (event == NULL)
		return xen_fail(ECONNRESET, "XenStore tells of no more changes: %s",
				strerror(errno));
	ret = event[XS_WATCH_TOKEN][0] == '\0' ? -EAGAIN : give(r, event, token, path);
	free(event);
	return ret;
}
