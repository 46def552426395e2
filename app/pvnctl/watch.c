/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Applies a file for as long as it runs. XenStore tells of each domain that comes or goes, and
 * names are watched too: they may be written after the domain is there, and a domain can be
 * renamed.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "apply.h"
#include "command.h"
#include "device.h"

/* What could not be done is tried again after this time, even if nothing happens. */
#define RETRY_MS 10000

#define DOMIDS 0x7FF0u

struct watcher {
	struct ctl *ctl;
	const char *path;
	struct config config;
	int timeout_ms; /* for back ends of guests that are gone */
	int signal_fd;
	bool stop;
	bool named[DOMIDS]; /* whose names are watched */
};

static void
watch_name(struct watcher *w, uint16_t id, bool on)
{
	char path[48];

	if (w->named[id] == on)
		return;
	snprintf(path, sizeof(path), DOMAIN_HOMES "/%u/name", id);
	if (!on)
		pvn_xen_unwatch(w->ctl->x, path, "name");
	else if (pvn_xen_watch(w->ctl->x, path, "name") < 0)
		return;
	w->named[id] = on;
}

static int
watch_names(struct watcher *w)
{
	uint16_t *ids;
	int n = list_ids(w->ctl->x, PVN_XEN_NO_TXN, DOMAIN_HOMES, &ids), next = 0;

	if (n < 0)
		return n;
	for (unsigned int id = 0; id < DOMIDS; id++) {
		bool exists = next < n && ids[next] == id;

		watch_name(w, id, exists);
		next += exists;
	}
	free(ids);
	return 0;
}

/* Sections begin anew; a file that cannot be read changes nothing. */
static void
read_again(struct watcher *w)
{
	struct config config;

	if (config_read(w->path, &config) < 0) {
		apply_print(w->ctl, w->path, "failed", ctl_why());
		return;
	}
	config_free(&w->config);
	w->config = config;
	apply_print(w->ctl, w->path, "read", "read again");
}

static void
take_signals(struct watcher *w)
{
	struct signalfd_siginfo info;

	while (read(w->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			read_again(w);
		else
			w->stop = true;
	}
}

static int
wait_for_news(struct watcher *w, int timeout_ms)
{
	struct pollfd fds[2] = {
		{.fd = pvn_xen_watch_fd(w->ctl->x), .events = POLLIN},
		{.fd = w->signal_fd, .events = POLLIN},
	};

	if (poll(fds, 2, timeout_ms) < 0 && errno != EINTR)
		return ctl_fail("poll: %s", strerror(errno));
	take_signals(w);
	return drain_watches(w->ctl->x);
}

/* Left-overs first: that takes watches that fired, and the rest then sees what they told of. */
static int
look(struct watcher *w, int *bad)
{
	int left = apply_left(w->ctl, w->timeout_ms, w->signal_fd);
	int ret = left < 0 ? left : watch_names(w);

	if (ret < 0)
		return ret;
	ret = apply_sections(w->ctl, &w->config);
	*bad = ret + left;
	return ret < 0 ? ret : 0;
}

static int
watch(struct watcher *w)
{
	static const char *const events[] = {"@introduceDomain", "@releaseDomain"};
	int ret = 0, bad = 0;

	for (int i = 0; i < 2; i++)
		if (pvn_xen_watch(w->ctl->x, events[i], "domains") < 0)
			return xen_failed();
	while (ret == 0 && !w->stop) {
		ret = look(w, &bad);
		if (ret == 0)
			ret = wait_for_news(w, bad > 0 ? RETRY_MS : -1);
	}
	return ret;
}

int
cmd_xen_watch(struct ctl *ctl, const struct ctl_line *line)
{
	struct watcher *w;
	int ret = ctl_need_domain_0(ctl), timeout_ms = detach_timeout(line);

	if (ret < 0 || timeout_ms < 0)
		return CTL_FAIL;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return ctl_fail("no memory");
	w->ctl = ctl;
	w->path = line->arg[0];
	w->timeout_ms = timeout_ms;
	w->signal_fd = stop_signals(true);
	ret = w->signal_fd < 0 ? CTL_FAIL : config_read(w->path, &w->config);
	if (ret == 0)
		ret = watch(w);
	config_free(&w->config);
	if (w->signal_fd >= 0)
		close(w->signal_fd);
	free(w);
	return ret;
}
