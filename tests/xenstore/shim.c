/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * LD_PRELOAD library that lets the C xenstored run where there is no Xen. It answers for what
 * xenstored takes from libxenctrl, libxengnttab and libxenevtchn, and opens files of the fake
 * machine (fake_xen.h) instead of those under /proc/xen. All else is the daemon's own: store,
 * permissions, quotas, watches and the protocol on the rings.
 */
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS /* with 64, the function below would be named open64 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "fake_xen.h"

static int events = -1;
static char handle; /* what all handles point to */

/* Domain 0's page is made by whoever comes first, as it is there from boot. */
static int
open_own_page(void)
{
	char name[FAKE_NAME_MAX];
	int fd = openat(AT_FDCWD, fake_name(name, "page", 0), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0 && ftruncate(fd, FAKE_PAGE_SIZE) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A file that reads as the number of a port. */
static int
open_own_port(void)
{
	int fd = memfd_create("xsd_port", MFD_CLOEXEC);

	if (fd >= 0 && pwrite(fd, "1", 1, 0) != 1) {
		close(fd);
		return -1;
	}
	return fd;
}

int
open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	if (strcmp(path, "/proc/xen/xsd_kva") == 0)
		return open_own_page();
	if (strcmp(path, "/proc/xen/xsd_port") == 0)
		return open_own_port();
	if ((flags & O_CREAT) != 0) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	return openat(AT_FDCWD, path, flags, mode);
}

/* libxenctrl */

xc_interface *
xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild_logger, unsigned int flags)
{
	(void)logger;
	(void)dombuild_logger;
	(void)flags;
	return (xc_interface *)&handle;
}

int
xc_interface_close(xc_interface *xch)
{
	(void)xch;
	return 0;
}

#ifdef PVN_XEN_DOMINFO
/* Until Xen 4.17. It looks for domains from first_domid on; xenstored only asks for one. */
int
xc_domain_getinfo(xc_interface *xch, uint32_t first_domid, unsigned int max_doms,
		  xc_dominfo_t *info)
{
	char name[FAKE_NAME_MAX];

	(void)xch;
	if (max_doms == 0 || access(fake_name(name, "page", first_domid), F_OK) != 0)
		return 0;
	memset(info, 0, sizeof(*info));
	info->domid = first_domid;
	info->shutdown = access(fake_name(name, "down", first_domid), F_OK) == 0;
	return 1;
}
#else
int
xc_domain_getinfo_single(xc_interface *xch, uint32_t domid, xc_domaininfo_t *info)
{
	char name[FAKE_NAME_MAX];

	(void)xch;
	if (access(fake_name(name, "page", domid), F_OK) != 0) {
		errno = ESRCH;
		return -1;
	}
	memset(info, 0, sizeof(*info));
	info->domain = domid;
	if (access(fake_name(name, "down", domid), F_OK) == 0)
		info->flags = XEN_DOMINF_shutdown;
	return 0;
}
#endif

/* libxengnttab */

xengnttab_handle *
xengnttab_open(struct xentoollog_logger *logger, unsigned int flags)
{
	(void)logger;
	(void)flags;
	return (xengnttab_handle *)&handle;
}

int
xengnttab_close(xengnttab_handle *xgt)
{
	(void)xgt;
	return 0;
}

int
xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t nr_grants)
{
	(void)xgt;
	(void)nr_grants;
	return 0;
}

/* A domain of the fake machine grants one page only, that of its XenStore ring. */
void *
xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot)
{
	char name[FAKE_NAME_MAX];
	void *page;
	int fd;

	(void)xgt;
	if (ref != GNTTAB_RESERVED_XENSTORE) {
		errno = EINVAL;
		return NULL;
	}
	fd = openat(AT_FDCWD, fake_name(name, "page", domid), O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	page = mmap(NULL, FAKE_PAGE_SIZE, prot, MAP_SHARED, fd, 0);
	close(fd);
	return page == MAP_FAILED ? NULL : page;
}

int
xengnttab_unmap(xengnttab_handle *xgt, void *start_address, uint32_t count)
{
	(void)xgt;
	return munmap(start_address, (size_t)count * FAKE_PAGE_SIZE);
}

/* libxenevtchn */

xenevtchn_handle *
xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
	(void)logger;
	(void)flags;
	events = fake_bind(FAKE_DAEMON_EVENTS, SOCK_DGRAM);
	return events < 0 ? NULL : (xenevtchn_handle *)&handle;
}

/* For an update while it runs, which is not for here. */
xenevtchn_handle *
xenevtchn_fdopen(struct xentoollog_logger *logger, int fd, unsigned int open_flags)
{
	(void)logger;
	(void)fd;
	(void)open_flags;
	errno = ENOSYS;
	return NULL;
}

int
xenevtchn_fd(xenevtchn_handle *xce)
{
	(void)xce;
	return events;
}

int
xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	char name[FAKE_NAME_MAX];

	(void)xce;
	return fake_send_event(events, fake_name(name, "event", FAKE_DOMAIN_OF_PORT(port)), port);
}

xenevtchn_port_or_error_t
xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid, evtchn_port_t remote_port)
{
	(void)xce;
	(void)remote_port;
	return FAKE_PORT_DOMAIN(domid);
}

xenevtchn_port_or_error_t
xenevtchn_bind_virq(xenevtchn_handle *xce, unsigned int virq)
{
	(void)xce;
	(void)virq;
	return FAKE_PORT_VIRQ;
}

int
xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
	(void)xce;
	(void)port;
	return 0;
}

xenevtchn_port_or_error_t
xenevtchn_pending(xenevtchn_handle *xce)
{
	uint32_t port;

	(void)xce;
	if (recv(events, &port, sizeof(port), 0) != sizeof(port))
		return -1;
	return port;
}

/* Datagrams queue, so nothing is masked. */
int
xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
	(void)xce;
	(void)port;
	return 0;
}
