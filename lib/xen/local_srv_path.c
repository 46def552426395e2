/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Paths of a store.
 */
#include "local_srv.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
srv_special(const char *path)
{
	if (strcmp(path, "@introduceDomain") == 0)
		return SRV_INTRODUCE;
	return strcmp(path, "@releaseDomain") == 0 ? SRV_RELEASE : -1;
}

/* xenstored does not count the home in a path that is in one. */
static bool
is_too_long(const char *path)
{
	unsigned int domid;
	int home = 0;

	if (sscanf(path, "/local/domain/%5u/%n", &domid, &home) != 1)
		home = 0;
	return strlen(path) > SRV_MAX_PATH + home;
}

/* Of an absolute path: letters, digits, - _ @ between single slashes, none at the end. */
static bool
is_correct(const char *path)
{
	size_t len = strlen(path);

	if (path[0] != '/' || is_too_long(path) || (len > 1 && path[len - 1] == '/'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (path[i] == '/' && path[i + 1] == '/')
			return false;
		if (!isalnum((unsigned char)path[i]) && strchr("/-_@", path[i]) == NULL)
			return false;
	}
	return true;
}

static char *
absolute(const struct srv_client *c, const char *path)
{
	char *full;

	/* What begins with @ is special, and never below a home. */
	if (path[0] == '/' || path[0] == '@')
		return strdup(path);
	if (asprintf(&full, "/local/domain/%u/%s", c->domain->id, path) < 0)
		return NULL;
	return full;
}

char *
srv_path(const struct srv_client *c, const char *path, size_t len)
{
	char *full = len != strlen(path) || len > PVN_XEN_PATH_MAX ? NULL : absolute(c, path);

	if (full != NULL && (srv_special(full) >= 0 || is_correct(full)))
		return full;
	free(full);
	xen_fail(EINVAL,
		 "'%.80s' is no path: letters, digits, - _ @ and single slashes, none at the end, "
		 "at most %u bytes",
		 path, SRV_MAX_PATH);
	return NULL;
}
