/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Takes devices away: asks the back end by `online`, waits until it has let go of the guest's
 * pages, and removes both directories.
 *
 * What is waited for. A back end that is in Initialising has never begun; one that is in Closed has
 * let go. A front end that was connected hears of it from the back end's state, and gets the time
 * that is left; but the program there may have died, and nothing is lost if its directory goes
 * first.
 *
 * A back end that was killed leaves its state as it was, so nothing tells it from one that is slow.
 * When the time is over and there is no front end any more, its directory goes: one that is slow
 * lets go of everything when it finds that. [XEN 5] A guest that is there would lose its port, so
 * its device stays until somebody says --force.
 */
#include "device.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xenvirt.h>

#include "command.h"

#define TIMEOUT_DEFAULT_MS 5000
#define TIMEOUT_MAX_S 3600

struct detach {
	struct pvn_xen *x;
	struct device *devices;
	int count;
	int stop_fd;
	struct timespec deadline;
};

/* ---- asking ---- */

/* Any domain has the back end of this device. */
static bool
has_any_back(struct pvn_xen *x, uint32_t txn, const struct device *d)
{
	char path[DEVICE_PATH_MAX];
	bool found = false;
	uint16_t *ids;
	int n = list_ids(x, txn, DOMAIN_HOMES, &ids);

	for (int i = 0; i < n && !found; i++) {
		snprintf(path, sizeof(path), XENVIRT_BACK_DIR, ids[i], d->front_id, d->handle);
		found = node_exists(x, txn, path);
	}
	if (n >= 0)
		free(ids);
	return found || n < 0;
}

/* Somebody has made the other directory since we looked. */
static bool
is_whole(struct pvn_xen *x, uint32_t txn, const struct device *d)
{
	return d->has_back ? node_exists(x, txn, d->front) : has_any_back(x, txn, d);
}

static int
ask_step(struct pvn_xen *x, uint32_t txn, void *arg)
{
	const struct device *d = arg;
	uint64_t state = PVN_XENBUS_UNKNOWN;
	int ret;

	if (!node_exists(x, txn, d->back) || (d->only_if_left && is_whole(x, txn, d)))
		return 0;
	ret = pvn_xenbus_write(x, txn, d->back, "online", "0");
	if (pvn_xenbus_read_number(x, txn, d->back, "state", 10, PVN_XENBUS_CLOSED, &state) < 0)
		return ret;
	if (ret == 0 && state >= PVN_XENBUS_INIT_WAIT && state < PVN_XENBUS_CLOSING)
		ret = pvn_xenbus_write(x, txn, d->back, "state", "%u", PVN_XENBUS_CLOSING);
	return ret;
}

/* ---- waiting ---- */

static bool
back_closed(const struct detach *t, const struct device *d)
{
	enum pvn_xenbus_state state = pvn_xenbus_state(t->x, d->back);

	return !d->has_back || state <= PVN_XENBUS_INITIALISING || state == PVN_XENBUS_CLOSED;
}

/* Only of a connection that there was can a front end hold anything. */
static bool
front_closed(const struct detach *t, const struct device *d)
{
	enum pvn_xenbus_state state = pvn_xenbus_state(t->x, d->front);
	bool connected =
		d->back_state == PVN_XENBUS_CONNECTED || d->back_state == PVN_XENBUS_CLOSING;

	return !d->has_front || !connected || state < PVN_XENBUS_INITIALISED ||
	       state == PVN_XENBUS_CLOSED;
}

static bool
all_closed(const struct detach *t)
{
	for (int i = 0; i < t->count; i++)
		if (!back_closed(t, &t->devices[i]) || !front_closed(t, &t->devices[i]))
			return false;
	return true;
}

/* Watches or, with `on` false, no longer watches both states of each device. */
static int
set_watches(const struct detach *t, bool on)
{
	char path[DEVICE_PATH_MAX + 8];
	int ret = 0;

	for (int i = 0; i < 2 * t->count && ret == 0; i++) {
		const struct device *d = &t->devices[i / 2];

		snprintf(path, sizeof(path), "%s/state", i % 2 == 0 ? d->back : d->front);
		if (!on)
			pvn_xen_unwatch(t->x, path, "detach");
		else if (pvn_xen_watch(t->x, path, "detach") < 0)
			ret = xen_failed();
	}
	return ret;
}

int
drain_watches(struct pvn_xen *x)
{
	char *token;
	int ret = 0;

	while (ret == 0) {
		ret = pvn_xen_watch_next(x, &token, NULL);
		if (ret == 0)
			free(token);
	}
	return ret == -EAGAIN ? 0 : xen_failed();
}

static int
ms_left(const struct timespec *deadline)
{
	struct timespec now;
	int64_t ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (deadline->tv_sec - now.tv_sec) * INT64_C(1000) +
	     (deadline->tv_nsec - now.tv_nsec) / 1000000;
	return ms > 0 ? (int)ms : 0;
}

/* Until all are closed, or it is too late. CTL_FAIL only if we are to stop or are cut off. */
static int
wait_until_closed(const struct detach *t)
{
	struct pollfd fds[2] = {
		{.fd = pvn_xen_watch_fd(t->x), .events = POLLIN},
		{.fd = t->stop_fd, .events = POLLIN},
	};

	while (!all_closed(t)) {
		int left = ms_left(&t->deadline);

		if (left == 0)
			return 0;
		if (poll(fds, 2, left) < 0 && errno != EINTR)
			return ctl_fail("poll: %s", strerror(errno));
		if (fds[1].revents != 0)
			return ctl_fail("stopped before the devices were removed");
		if (drain_watches(t->x) < 0)
			return CTL_FAIL;
	}
	return 0;
}

static int
watch_and_wait(const struct detach *t)
{
	int ret;

	if (all_closed(t))
		return 0;
	ret = set_watches(t, true);
	if (ret == 0)
		ret = wait_until_closed(t);
	set_watches(t, false);
	return ret;
}

/* ---- removing ---- */

/* The directory above goes too, with the back end's last device of this guest. */
static int
remove_parent(struct pvn_xen *x, uint32_t txn, const struct device *d)
{
	char path[DEVICE_PATH_MAX];
	char **names;
	int n;

	snprintf(path, sizeof(path), "%s", d->back);
	*strrchr(path, '/') = '\0';
	n = pvn_xen_list(x, txn, path, &names);
	if (n < 0)
		return n == -ENOENT ? 0 : n;
	free(names);
	return n == 0 ? pvn_xen_rm(x, txn, path) : 0;
}

static int
remove_step(struct pvn_xen *x, uint32_t txn, void *arg)
{
	const struct device *d = arg;
	int ret = 0;

	if (d->only_if_left && is_whole(x, txn, d))
		return 0;
	if (d->has_back)
		ret = pvn_xen_rm(x, txn, d->back);
	if (ret == 0 && d->has_back)
		ret = remove_parent(x, txn, d);
	if (ret == 0 && d->has_front)
		ret = pvn_xen_rm(x, txn, d->front);
	return ret;
}

/* A guest that writes into its directory without end makes each transaction fail, so in the end
 * both directories go one after the other.
 */
static int
remove_device(struct pvn_xen *x, struct device *d)
{
	int ret = pvn_xenbus_transact(x, remove_step, d);

	if (ret == -EAGAIN)
		ret = remove_step(x, PVN_XEN_NO_TXN, d);
	return ret < 0 ? xen_failed() : 0;
}

static int
remove_closed(const struct detach *t, bool force)
{
	int ret = 0;

	for (int i = 0; i < t->count; i++) {
		struct device *d = &t->devices[i];

		d->unanswered = !force && !back_closed(t, d);
		if (d->unanswered && d->has_front) {
			ret = ctl_fail("the back end in domain %u does not let go of device %u of "
				       "domain %u, it is %s: if it has died, or will be ended now, "
				       "use --force",
				       d->back_id, d->handle, d->front_id,
				       pvn_xenbus_state_name(pvn_xenbus_state(t->x, d->back)));
			continue;
		}
		if (remove_device(t->x, d) < 0)
			ret = CTL_FAIL;
	}
	return ret;
}

int
devices_detach(struct pvn_xen *x, struct device *devices, int count, int timeout_ms, bool force,
	       int stop_fd)
{
	struct detach t = {.x = x, .devices = devices, .count = count, .stop_fd = stop_fd};
	int ret = 0;

	for (int i = 0; i < count; i++) {
		struct device *d = &devices[i];

		if (d->has_back && pvn_xenbus_transact(x, ask_step, d) < 0 && !force)
			return xen_failed();
	}
	clock_gettime(CLOCK_MONOTONIC, &t.deadline);
	t.deadline.tv_sec += timeout_ms / 1000;
	t.deadline.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (!force)
		ret = watch_and_wait(&t);
	return ret < 0 ? ret : remove_closed(&t, force);
}

void
tell_unanswered(const struct device *d, char *text, size_t size)
{
	text[0] = '\0';
	if (d->unanswered)
		snprintf(text, size, "; its back end in domain %u did not answer", d->back_id);
}

/* ---- the command ---- */

/* Moves the devices that are meant to the beginning: their number, or CTL_FAIL. */
static int
select_devices(struct device *devices, int count, uint16_t front_id, long handle)
{
	int n = 0;

	for (int i = 0; i < count; i++) {
		if (devices[i].front_id != front_id || (handle >= 0 && devices[i].handle != handle))
			continue;
		devices[n] = devices[i];
		if (devices[n].handle != devices[0].handle)
			return ctl_fail("domain %u has several devices, %u and %u: say which with "
					"--handle",
					front_id, devices[0].handle, devices[n].handle);
		n++;
	}
	if (n == 0 && handle >= 0)
		return ctl_fail("domain %u has no device %ld: pvnctl xen list shows what there is",
				front_id, handle);
	return n > 0 ? n : ctl_fail("domain %u has no device", front_id);
}

/* A domain, or the id of one that is gone and has left devices. */
static int
find_front(const struct ctl *ctl, const char *text, const struct device *devices, int count,
	   uint16_t *id)
{
	struct domain domain;
	unsigned long number;
	int ret = domain_find(ctl->x, PVN_XEN_NO_TXN, text, &domain);

	if (ret == 0) {
		*id = domain.id;
		return 0;
	}
	number = strtoul(text, NULL, 10);
	for (int i = 0; i < count; i++) {
		char id_text[8];

		snprintf(id_text, sizeof(id_text), "%u", devices[i].front_id);
		if (strcmp(id_text, text) == 0) {
			*id = number;
			return 0;
		}
	}
	return ret;
}

static int
detach(struct ctl *ctl, const struct ctl_line *line, long handle, int timeout_ms)
{
	struct device *devices;
	int count = devices_read(ctl->x, &devices), n = 0, ret;
	uint16_t id = 0;
	char more[64];

	if (count < 0)
		return count;
	ret = find_front(ctl, line->arg[0], devices, count, &id);
	if (ret == 0)
		n = ret = select_devices(devices, count, id, handle);
	if (ret > 0)
		ret = devices_detach(ctl->x, devices, n, timeout_ms, line->opt[OPT_FORCE] != NULL,
				     -1);
	if (ret == 0 && ctl->json)
		printf("{\"domain\": %u, \"handle\": %u}\n", id, devices[0].handle);
	if (ret == 0 && !ctl->json) {
		tell_unanswered(&devices[0], more, sizeof(more));
		printf("domain %u has no device %u any more%s\n", id, devices[0].handle, more);
	}
	free(devices);
	return ret;
}

int
detach_timeout(const struct ctl_line *line)
{
	unsigned long seconds = TIMEOUT_DEFAULT_MS / 1000;

	if (line->opt[OPT_TIMEOUT] != NULL &&
	    ctl_number("timeout", line->opt[OPT_TIMEOUT], 0, TIMEOUT_MAX_S, &seconds) < 0)
		return CTL_FAIL;
	return (int)seconds * 1000;
}

int
cmd_xen_detach(struct ctl *ctl, const struct ctl_line *line)
{
	int ret = ctl_need_domain_0(ctl), timeout_ms = detach_timeout(line);
	unsigned long handle = 0;

	if (ret == 0 && line->opt[OPT_HANDLE] != NULL)
		ret = ctl_number("handle", line->opt[OPT_HANDLE], 0, UINT16_MAX, &handle);
	if (ret < 0 || timeout_ms < 0)
		return CTL_FAIL;
	return detach(ctl, line, line->opt[OPT_HANDLE] != NULL ? (long)handle : -1, timeout_ms);
}
