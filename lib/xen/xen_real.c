/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * `xen`: open and close. Who cannot get something is told what is missing: Xen, a module, a right.
 */
#include "xen_real.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xentoollog.h>

/* ---- what is missing ---- */

static void
quiet_message(struct xentoollog_logger *logger, xentoollog_level level, int errnoval,
	      const char *context, const char *format, va_list args)
{
	(void)logger;
	(void)level;
	(void)errnoval;
	(void)context;
	(void)format;
	(void)args;
}

static void
quiet_progress(struct xentoollog_logger *logger, const char *context, const char *doing,
	       int percent, unsigned long done, unsigned long total)
{
	(void)logger;
	(void)context;
	(void)doing;
	(void)percent;
	(void)done;
	(void)total;
}

struct xentoollog_logger real_quiet = {
	.vmessage = quiet_message,
	.progress = quiet_progress,
};

static bool
on_xen(void)
{
	FILE *f = fopen("/sys/hypervisor/type", "re");
	char type[16] = "";

	if (f == NULL)
		return false;
	if (fgets(type, sizeof(type), f) == NULL)
		type[0] = '\0';
	fclose(f);
	return strcmp(type, "xen\n") == 0;
}

static int
no_xen(void)
{
	return xen_fail(ENODEV, "this machine is no Xen domain: start it in Xen, or, to try things "
				"out without Xen, use local:PATH:DOMID");
}

int
real_no_node(const char *node, const char *module)
{
	int error = errno;

	if (error == EACCES || error == EPERM)
		return xen_fail(error, "%s: %s: run as root, or give this user access to it", node,
				strerror(error));
	if (!on_xen())
		return no_xen();
	if (error == ENOENT || error == ENODEV || error == ENXIO)
		return xen_fail(ENODEV, "there is no %s: load its module with: modprobe %s", node,
				module);
	return xen_fail(error, "%s: %s", node, strerror(error));
}

static int
no_store(int error)
{
	if (error == EACCES || error == EPERM)
		return xen_fail(error, "XenStore: %s: run as root", strerror(error));
	if (!on_xen() && getenv("XENSTORED_PATH") == NULL)
		return no_xen();
	return xen_fail(error,
			"XenStore cannot be opened: %s: in domain 0 xenstored must run, in a "
			"guest there must be /dev/xen/xenbus",
			strerror(error));
}

uint32_t
real_number_in(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long number = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu", &number) != 1 || number > UINT32_MAX)
		number = 0;
	fclose(f);
	return number;
}

/* ---- open and close ---- */

static void
release(struct real *r)
{
	real_areas_close(r);
	if (r->gnttab != NULL)
		xengnttab_close(r->gnttab);
	if (r->gntshr != NULL)
		xengntshr_close(r->gntshr);
	if (r->evtchn != NULL)
		xenevtchn_close(r->evtchn);
	if (r->xs != NULL)
		xs_close(r->xs);
	xen_areas_free(&r->areas);
	pthread_mutex_destroy(&r->open_lock);
	free(r);
}

/* Pages first: their notifications need the event channels. */
static void
real_close(struct pvn_xen *x)
{
	release((struct real *)x);
}

/* Each domain may read its id in its home. Only over the daemon's socket, so in domain 0, is there
 * no home for paths that do not begin with '/'.
 */
static int
learn_domid(struct real *r)
{
	unsigned int len;
	char *text = xs_read(r->xs, XBT_NULL, "domid", &len);
	unsigned long domid;
	char *end;

	if (text == NULL && errno != ENOENT)
		return xen_fail(errno, "XenStore does not tell our domain id: %s", strerror(errno));
	if (text == NULL) {
		strcpy(r->home, "/local/domain/0/");
		return 0;
	}
	domid = strtoul(text, &end, 10);
	if (end == text || *end != '\0' || domid >= 0x7FF0) {
		xen_fail(EPROTO, "XenStore says that our domain id is '%.20s'", text);
		free(text);
		return -EPROTO;
	}
	r->x.domid = domid;
	free(text);
	return 0;
}

static const struct pvn_xen_ops real_ops = {
	.close = real_close,
	.share = real_share,
	.share_notify = real_share_notify,
	.unshare = real_unshare,
	.map = real_map,
	.map_notify = real_map_notify,
	.unmap = real_unmap,
	.limits = real_limits,
	.event_alloc = real_event_alloc,
	.event_bind = real_event_bind,
	.event_close = real_event_close,
	.event_notify = real_event_notify,
	.event_fd = real_event_fd,
	.event_next = real_event_next,
	.event_unmask = real_event_unmask,
	.read = real_read,
	.write = real_write,
	.mkdir = real_mkdir,
	.rm = real_rm,
	.list = real_list,
	.set_perms = real_set_perms,
	.get_perms = real_get_perms,
	.txn_begin = real_txn_begin,
	.txn_end = real_txn_end,
	.watch = real_watch,
	.unwatch = real_unwatch,
	.watch_fd = real_watch_fd,
	.watch_next = real_watch_next,
};

int
xen_real_open(struct pvn_xen **out)
{
	struct real *r = calloc(1, sizeof(*r));
	int ret;

	if (r == NULL)
		return xen_fail(ENOMEM, "no memory for a connection");
	r->x.ops = &real_ops;
	xen_areas_init(&r->areas);
	pthread_mutex_init(&r->open_lock, NULL);
	r->xs = xs_open(XS_UNWATCH_FILTER);
	ret = r->xs == NULL ? no_store(errno) : learn_domid(r);
	if (ret < 0) {
		release(r);
		errno = -ret;
		return ret;
	}
	*out = &r->x;
	return 0;
}
