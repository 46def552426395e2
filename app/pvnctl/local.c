/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * pvnctl local ...: Xen without a hypervisor, for trying out and for tests. The server runs in a
 * thread, so that this one can say when it is ready.
 */
#include "command.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <pvn_xen_local.h>
#include <pvn_xenbus.h>

#include "domain.h"

struct server {
	struct pvn_xen_local_cfg cfg;
	int ret;
	char why[512];
};

static void *
serve(void *arg)
{
	struct server *s = arg;

	s->ret = pvn_xen_local_serve(&s->cfg);
	snprintf(s->why, sizeof(s->why), "%s", pvn_xen_why());
	close(s->cfg.ready_fd); /* whoever waits to hear that it is ready waits no longer */
	return NULL;
}

int
stop_signals(bool hangup)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (hangup)
		sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN); /* who reads our lines may go */
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return ctl_fail("signals cannot be blocked");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd >= 0 ? fd : ctl_fail("signalfd: %s", strerror(errno));
}

static int
serve_until_stopped(struct server *s, int ready)
{
	pthread_t thread;
	char byte;
	int ret = pthread_create(&thread, NULL, serve, s);

	if (ret != 0) {
		close(s->cfg.ready_fd);
		return ctl_fail("no thread: %s", strerror(ret));
	}
	if (read(ready, &byte, 1) == 1) {
		printf("serving %s\n", s->cfg.path);
		fflush(stdout);
	}
	pthread_join(thread, NULL);
	return s->ret < 0 ? ctl_fail("%s", s->why) : 0;
}

int
cmd_local_serve(struct ctl *ctl, const struct ctl_line *line)
{
	struct server s = {.cfg = {.path = line->arg[0]}};
	unsigned long pages = 0;
	int ready[2], ret = 0;

	(void)ctl;
	if (line->opt[OPT_SHARE_PAGES] != NULL)
		ret = ctl_number("share-pages", line->opt[OPT_SHARE_PAGES], 1, INT32_MAX, &pages);
	if (ret < 0)
		return ret;
	s.cfg.share_pages = pages;
	s.cfg.stop_fd = stop_signals(false);
	if (s.cfg.stop_fd < 0)
		return CTL_FAIL;
	if (pipe(ready) < 0) {
		ret = ctl_fail("pipe: %s", strerror(errno));
	} else {
		s.cfg.ready_fd = ready[1];
		ret = serve_until_stopped(&s, ready[0]);
		close(ready[0]);
	}
	close(s.cfg.stop_fd);
	return ret;
}

/* ---- domains ---- */

static int
open_server(struct ctl *ctl, const struct ctl_line *line, char *home, size_t size)
{
	unsigned long domid;
	char spec[128];
	int ret = ctl_number("domain", line->arg[1], 1, 0x7FEF, &domid);

	if (ret < 0)
		return ret;
	if (snprintf(spec, sizeof(spec), "local:%s:0", line->arg[0]) >= (int)sizeof(spec))
		return ctl_fail("%s: the path is too long", line->arg[0]);
	snprintf(home, size, DOMAIN_HOMES "/%lu", domid);
	return pvn_xen_open(spec, &ctl->x) < 0 ? xen_failed() : 0;
}

int
cmd_local_domain_add(struct ctl *ctl, const struct ctl_line *line)
{
	const char *name = line->opt[OPT_NAME];
	char home[32];
	int ret = open_server(ctl, line, home, sizeof(home));

	if (ret < 0)
		return ret;
	if (node_exists(ctl->x, PVN_XEN_NO_TXN, home))
		return ctl_fail("domain %s exists already", line->arg[1]);
	ret = pvn_xen_mkdir(ctl->x, PVN_XEN_NO_TXN, home);
	if (ret == 0 && name != NULL)
		ret = pvn_xenbus_write(ctl->x, PVN_XEN_NO_TXN, home, "name", "%s", name);
	return ret < 0 ? xen_failed() : 0;
}

int
cmd_local_domain_remove(struct ctl *ctl, const struct ctl_line *line)
{
	char home[32];
	int ret = open_server(ctl, line, home, sizeof(home));

	if (ret < 0)
		return ret;
	if (!node_exists(ctl->x, PVN_XEN_NO_TXN, home))
		return ctl_fail("there is no domain %s", line->arg[1]);
	return pvn_xen_rm(ctl->x, PVN_XEN_NO_TXN, home) < 0 ? xen_failed() : 0;
}
