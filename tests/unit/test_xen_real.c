/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * `xen` on a machine without Xen: this program has the functions of Xen's libraries that the code
 * calls, and the files of /sys that it reads. So what it asks of them, what it says when they fail,
 * and what it ends when it closes can be seen.
 */
#include "pvn_test.h"

#include <pvn_xen.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

/* ---- Xen ---- */

static struct {
	const char *domid;		   /* what the store says; NULL: it says nothing */
	const char *on_xen;		   /* /sys/hypervisor/type; NULL: there is none */
	const char *share_limit;	   /* of gntalloc; NULL: the module is not loaded */
	int error;			   /* errno of the next call that can fail; 0: works */
	unsigned int shared;		   /* pages that are shared now */
	unsigned int mapped;		   /* pages that are mapped now */
	int handles;			   /* that are open */
	int notify_port;		   /* of the last share or map with one */
	char path[PVN_XEN_PATH_MAX + 100]; /* that the store was asked for last */
	char token[100];
	char *watch[2]; /* the event to be read next */
} xen;

static char handle; /* every handle */
static char pages[16][PVN_XEN_PAGE_SIZE];

static bool
fails(void)
{
	errno = xen.error;
	return xen.error != 0;
}

static void *
open_handle(void)
{
	if (fails())
		return NULL;
	xen.handles++;
	return &handle;
}

xengntshr_handle *
xengntshr_open(struct xentoollog_logger *logger, unsigned int flags)
{
	assert_non_null(logger); /* or it would print */
	assert_int_equal(flags, 0);
	return open_handle();
}

int
xengntshr_close(xengntshr_handle *h)
{
	(void)h;
	xen.handles--;
	return 0;
}

void *
xengntshr_share_pages(xengntshr_handle *h, uint32_t domid, int count, uint32_t *refs, int writable)
{
	(void)h;
	(void)domid;
	(void)writable;
	if (fails())
		return NULL;
	for (int i = 0; i < count; i++)
		refs[i] = 100 + i;
	xen.shared += count;
	return pages;
}

void *
xengntshr_share_page_notify(xengntshr_handle *h, uint32_t domid, uint32_t *ref, int writable,
			    uint32_t offset, evtchn_port_t port)
{
	assert_true(offset < PVN_XEN_PAGE_SIZE);
	assert_true(writable);
	xen.notify_port = port;
	return xengntshr_share_pages(h, domid, 1, ref, writable);
}

int
xengntshr_unshare(xengntshr_handle *h, void *start, uint32_t count)
{
	(void)h;
	assert_ptr_equal(start, pages);
	xen.shared -= count;
	return 0;
}

xengnttab_handle *
xengnttab_open(struct xentoollog_logger *logger, unsigned int flags)
{
	(void)flags;
	assert_non_null(logger);
	return open_handle();
}

int
xengnttab_close(xengnttab_handle *h)
{
	(void)h;
	xen.handles--;
	return 0;
}

void *
xengnttab_map_domain_grant_refs(xengnttab_handle *h, uint32_t count, uint32_t domid, uint32_t *refs,
				int prot)
{
	(void)h;
	(void)domid;
	(void)refs;
	(void)prot;
	if (fails())
		return NULL;
	xen.mapped += count;
	return pages;
}

void *
xengnttab_map_grant_ref_notify(xengnttab_handle *h, uint32_t domid, uint32_t ref, int prot,
			       uint32_t offset, evtchn_port_t port)
{
	assert_true(offset < PVN_XEN_PAGE_SIZE);
	xen.notify_port = port;
	return xengnttab_map_domain_grant_refs(h, 1, domid, &ref, prot);
}

int
xengnttab_unmap(xengnttab_handle *h, void *start, uint32_t count)
{
	(void)h;
	assert_ptr_equal(start, pages);
	xen.mapped -= count;
	return 0;
}

static int event_pipe[2];

xenevtchn_handle *
xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
	(void)logger;
	(void)flags;
	return open_handle();
}

int
xenevtchn_close(xenevtchn_handle *h)
{
	(void)h;
	xen.handles--;
	return 0;
}

int
xenevtchn_fd(xenevtchn_handle *h)
{
	(void)h;
	return event_pipe[0];
}

xenevtchn_port_or_error_t
xenevtchn_bind_unbound_port(xenevtchn_handle *h, uint32_t domid)
{
	(void)h;
	return fails() ? -1 : (int)domid + 20;
}

xenevtchn_port_or_error_t
xenevtchn_bind_interdomain(xenevtchn_handle *h, uint32_t domid, evtchn_port_t port)
{
	(void)h;
	(void)domid;
	return fails() ? -1 : (int)port + 1;
}

int
xenevtchn_unbind(xenevtchn_handle *h, evtchn_port_t port)
{
	(void)h;
	(void)port;
	return fails() ? -1 : 0;
}

int
xenevtchn_notify(xenevtchn_handle *h, evtchn_port_t port)
{
	(void)h;
	(void)port;
	return fails() ? -1 : 0;
}

int
xenevtchn_unmask(xenevtchn_handle *h, evtchn_port_t port)
{
	(void)h;
	(void)port;
	return fails() ? -1 : 0;
}

/* Waits, as the real one does. */
xenevtchn_port_or_error_t
xenevtchn_pending(xenevtchn_handle *h)
{
	char port;

	(void)h;
	return read(event_pipe[0], &port, 1) == 1 ? port : -1;
}

struct xs_handle *
xs_open(unsigned long flags)
{
	assert_int_equal(flags, XS_UNWATCH_FILTER);
	return open_handle();
}

void
xs_close(struct xs_handle *h)
{
	(void)h;
	xen.handles--;
}

void *
xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
	const char *value = strcmp(path, "domid") == 0 ? xen.domid : "value";

	(void)h;
	(void)t;
	strcpy(xen.path, path);
	errno = ENOENT;
	if (value == NULL || fails())
		return NULL;
	*len = strlen(value);
	return strdup(value);
}

bool
xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
	 unsigned int len)
{
	(void)h;
	(void)t;
	(void)len;
	assert_non_null(data);
	strcpy(xen.path, path);
	return !fails();
}

bool
xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	(void)h;
	strcpy(xen.path, path);
	strcpy(xen.token, token);
	return !fails();
}

char **
xs_check_watch(struct xs_handle *h)
{
	char **event = malloc(2 * sizeof(*event) + 200);

	(void)h;
	errno = xen.watch[XS_WATCH_PATH] == NULL ? EAGAIN : 0;
	if (xen.watch[XS_WATCH_PATH] == NULL) {
		free(event);
		errno = EAGAIN;
		return NULL;
	}
	event[XS_WATCH_PATH] = strcpy((char *)(event + 2), xen.watch[XS_WATCH_PATH]);
	event[XS_WATCH_TOKEN] = strcpy((char *)(event + 2) + 100, xen.watch[XS_WATCH_TOKEN]);
	xen.watch[XS_WATCH_PATH] = NULL;
	return event;
}

/* The linker lets the code call these instead: a program for large files opens with fopen64(). */
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode);

FILE *
__wrap_fopen(const char *path, const char *mode)
{
	const char *text = NULL;

	(void)mode;
	if (strcmp(path, "/sys/hypervisor/type") == 0)
		text = xen.on_xen;
	else if (strcmp(path, "/sys/module/xen_gntalloc/parameters/limit") == 0)
		text = xen.share_limit;
	else if (strcmp(path, "/sys/module/xen_gntdev/parameters/limit") == 0)
		text = "65536\n";
	errno = ENOENT;
	return text == NULL ? NULL : fmemopen((char *)text, strlen(text), "r");
}

FILE *
__wrap_fopen64(const char *path, const char *mode)
{
	return __wrap_fopen(path, mode);
}

/* ---- tests ---- */

static int
begin(void **state)
{
	(void)state;
	memset(&xen, 0, sizeof(xen));
	xen.domid = "7";
	xen.on_xen = "xen\n";
	xen.share_limit = "1024\n";
	return pipe(event_pipe);
}

static int
end(void **state)
{
	(void)state;
	assert_int_equal(xen.handles, 0);
	assert_int_equal(xen.shared, 0);
	assert_int_equal(xen.mapped, 0);
	close(event_pipe[0]);
	close(event_pipe[1]);
	return 0;
}

static struct pvn_xen *
open_xen(void)
{
	struct pvn_xen *x = NULL;

	if (pvn_xen_open("xen", &x) < 0)
		fail_msg("%s", pvn_xen_why());
	return x;
}

static void
expect_why(const char *part)
{
	if (strstr(pvn_xen_why(), part) == NULL)
		fail_msg("'%s' lacks '%s'", pvn_xen_why(), part);
}

static void
test_open(void **state)
{
	struct pvn_xen *x = open_xen();

	(void)state;
	assert_int_equal(pvn_xen_domid(x), 7);
	assert_int_equal(xen.handles, 1); /* the others at their first use */
	pvn_xen_close(x);
	xen.domid = "7x";
	assert_int_equal(pvn_xen_open("xen", &x), -EPROTO);
	xen.domid = "32752";
	assert_int_equal(pvn_xen_open("xen", &x), -EPROTO);
	xen.error = EACCES;
	assert_int_equal(pvn_xen_open("xen", &x), -EACCES);
	expect_why("root");
	xen.error = ENOENT;
	assert_int_equal(pvn_xen_open("xen", &x), -ENOENT);
	expect_why("/dev/xen/xenbus");
	xen.on_xen = NULL;
	unsetenv("XENSTORED_PATH");
	assert_int_equal(pvn_xen_open("xen", &x), -ENODEV);
	expect_why("local:PATH:DOMID");
}

static void
test_modules(void **state)
{
	struct pvn_xen *x = open_xen();
	uint32_t ref = 0;

	(void)state;
	xen.error = ENOENT;
	assert_null(pvn_xen_share(x, 0, 1, true, &ref));
	assert_int_equal(errno, ENODEV);
	expect_why("modprobe xen-gntalloc");
	assert_null(pvn_xen_map(x, 0, 1, true, &ref));
	expect_why("modprobe xen-gntdev");
	assert_int_equal(pvn_xen_event_alloc(x, 0), -ENODEV);
	expect_why("modprobe xen-evtchn");
	assert_int_equal(pvn_xen_event_fd(x), -ENODEV);
	xen.error = EACCES;
	assert_null(pvn_xen_share(x, 0, 1, true, &ref));
	assert_int_equal(errno, EACCES);
	expect_why("root");
	xen.on_xen = "kvm\n";
	xen.error = ENOENT;
	assert_int_equal(pvn_xen_event_bind(x, 0, 1), -ENODEV);
	expect_why("local:PATH:DOMID");
	pvn_xen_close(x);
}

static void
test_limits(void **state)
{
	struct pvn_xen *x = open_xen();
	struct pvn_xen_limits limits;
	uint32_t refs[2000] = {0};
	void *ours;

	(void)state;
	pvn_xen_limits(x, &limits);
	assert_int_equal(limits.share_pages, 1024);
	assert_int_equal(limits.map_pages, 65536);
	ours = pvn_xen_share(x, 0, 1000, true, refs);
	assert_non_null(ours);
	xen.error = ENOSPC;
	assert_null(pvn_xen_share(x, 0, 100, true, refs));
	assert_int_equal(errno, ENOSPC);
	expect_why("100 pages asked, 1000 shared here already");
	expect_why("echo 1124 > /sys/module/xen_gntalloc/parameters/limit");
	pvn_xen_unshare(x, ours, 1000);
	assert_null(pvn_xen_share(x, 0, 100, true, refs)); /* not this process's fault */
	expect_why("echo 1124 >");
	expect_why("max_grant_frames=");
	xen.error = 0;
	ours = pvn_xen_map(x, 0, 100, true, refs);
	assert_non_null(ours);
	pvn_xen_unmap(x, ours, 100);
	xen.error = EINVAL;
	assert_null(pvn_xen_map(x, 3, 100, true, refs));
	assert_int_equal(errno, EINVAL);
	expect_why("100 pages of domain 3");
	expect_why("gnttab_max_maptrack_frames=");
	xen.share_limit = NULL;
	pvn_xen_limits(x, &limits);
	assert_int_equal(limits.share_pages, 0);
	pvn_xen_close(x);
}

static void
test_pages(void **state)
{
	struct pvn_xen *x = open_xen();
	uint32_t refs[8];
	void *ours = pvn_xen_share(x, 0, 8, true, refs);

	(void)state;
	assert_int_equal(refs[7], 107);
	pvn_xen_unshare(x, ours, 7); /* not what was shared: nothing happens */
	pvn_xen_unmap(x, ours, 8);
	assert_int_equal(xen.shared, 8);
	pvn_xen_unshare(x, ours, 8);
	assert_int_equal(xen.shared, 0);
	assert_non_null(pvn_xen_share_notify(x, 0, refs, 4095, 5));
	assert_int_equal(xen.notify_port, 5);
	assert_non_null(pvn_xen_map_notify(x, 0, 9, 0, -7));
	assert_int_equal(xen.notify_port, -1);
	assert_non_null(pvn_xen_share(x, 0, 8, false, refs));
	assert_non_null(pvn_xen_map(x, 0, 8, false, refs));
	pvn_xen_close(x); /* ends all of it */
}

static void
test_events(void **state)
{
	struct pvn_xen *x = open_xen();

	(void)state;
	assert_int_equal(pvn_xen_event_notify(x, 3), -ENOTCONN);
	assert_int_equal(pvn_xen_event_unmask(x, 3), -ENOTCONN);
	assert_int_equal(pvn_xen_event_next(x), -EAGAIN);
	assert_int_equal(xen.handles, 1);
	assert_int_equal(pvn_xen_event_alloc(x, 2), 22);
	assert_int_equal(pvn_xen_event_bind(x, 2, 40), 41);
	assert_int_equal(pvn_xen_event_fd(x), event_pipe[0]);
	assert_int_equal(pvn_xen_event_next(x), -EAGAIN); /* does not wait */
	assert_int_equal(write(event_pipe[1], "\026", 1), 1);
	assert_int_equal(pvn_xen_event_next(x), 22);
	assert_int_equal(pvn_xen_event_unmask(x, 22), 0);
	assert_int_equal(pvn_xen_event_notify(x, 22), 0);
	xen.error = EINVAL;
	assert_int_equal(pvn_xen_event_alloc(x, 2), -EINVAL);
	assert_int_equal(pvn_xen_event_bind(x, 2, 40), -EINVAL);
	expect_why("event channel 40 of domain 2");
	assert_int_equal(pvn_xen_event_notify(x, 22), -EINVAL);
	assert_int_equal(pvn_xen_event_unmask(x, 22), -EINVAL);
	xen.error = 0;
	pvn_xen_event_close(x, 22);
	pvn_xen_close(x);
}

/* Over xenstored's socket, in domain 0, paths below our home get it put before them. */
static void
test_home(void **state)
{
	struct pvn_xen *x;
	char *token;
	char *path;
	char *value;

	(void)state;
	x = open_xen();
	assert_int_equal(pvn_xen_write(x, 0, "data/x", NULL, 0), 0);
	assert_string_equal(xen.path, "data/x");
	pvn_xen_close(x);
	xen.domid = NULL;
	x = open_xen();
	assert_int_equal(pvn_xen_domid(x), 0);
	assert_int_equal(pvn_xen_write(x, 0, "data/x", "1", 1), 0);
	assert_string_equal(xen.path, "/local/domain/0/data/x");
	assert_int_equal(pvn_xen_read(x, 0, "/data/x", &value), 5);
	assert_string_equal(xen.path, "/data/x");
	free(value);
	assert_int_equal(pvn_xen_watch(x, "data", "tok"), 0);
	assert_string_equal(xen.path, "/local/domain/0/data");
	xen.watch[XS_WATCH_PATH] = (char *)"/local/domain/0/data/y";
	xen.watch[XS_WATCH_TOKEN] = xen.token;
	assert_int_equal(pvn_xen_watch_next(x, &token, &path), 0);
	assert_string_equal(path, "data/y");
	assert_string_equal(token, "tok");
	free(path);
	free(token);
	assert_int_equal(pvn_xen_watch(x, "/local/domain/0/data", "tok"), 0);
	xen.watch[XS_WATCH_PATH] = (char *)"/local/domain/0/data/y";
	assert_int_equal(pvn_xen_watch_next(x, &token, &path), 0);
	assert_string_equal(path, "/local/domain/0/data/y");
	free(path);
	free(token);
	assert_int_equal(pvn_xen_watch(x, "@releaseDomain", "tok"), 0);
	assert_string_equal(xen.path, "@releaseDomain");
	assert_int_equal(pvn_xen_watch_next(x, &token, &path), -EAGAIN);
	pvn_xen_close(x);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open),  TEST(test_modules), TEST(test_limits),
		TEST(test_pages), TEST(test_events),  TEST(test_home),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
