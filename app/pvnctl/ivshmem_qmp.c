/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * pvnctl ivshmem plug and unplug: says to a running QEMU what pvnctl ivshmem qmp prints.
 */
#include "ivshmem.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <pvn_clock.h>

#include "command.h"
#include "switch.h"

#define MESSAGE_MAX (4u << 20)
#define TIMEOUT_S 10

struct qmp {
	int fd;
	char *text; /* what was read and not used */
	size_t len, room;
	int64_t end; /* when to wait no longer, ms */
	unsigned long timeout_s;
	char deleted[64]; /* the device that an event told of last */
};

/* ---- messages ---- */

static int
read_more(struct qmp *q)
{
	struct pollfd p = {.fd = q->fd, .events = POLLIN};
	int64_t left = q->end - pvn_now_ms();
	ssize_t n;

	if (q->len == q->room) {
		char *more = q->room < MESSAGE_MAX ? realloc(q->text, q->room += 65536) : NULL;

		if (more == NULL)
			return ctl_fail("what QEMU says is too long");
		q->text = more;
	}
	if (left <= 0 || poll(&p, 1, left) == 0)
		return ctl_fail("QEMU did not answer within %lu s", q->timeout_s);
	n = recv(q->fd, q->text + q->len, q->room - q->len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return ctl_fail("QEMU closed the connection: is another program connected to this "
				"monitor?");
	q->len += n;
	return 0;
}

/* The next message; NULL with ctl_why(). */
static json_t *
next_message(struct qmp *q)
{
	json_t *message;
	char *newline;
	size_t used;

	while ((newline = q->len > 0 ? memchr(q->text, '\n', q->len) : NULL) == NULL)
		if (read_more(q) < 0)
			return NULL;
	used = newline - q->text + 1;
	message = json_loadb(q->text, used, 0, NULL);
	memmove(q->text, q->text + used, q->len - used);
	q->len -= used;
	if (!json_is_object(message)) {
		json_decref(message);
		ctl_fail("what answers is no QMP monitor");
		return NULL;
	}
	return message;
}

static void
note_event(struct qmp *q, const json_t *message)
{
	const char *event = switch_text(message, "event");
	const char *device = switch_text(json_object_get(message, "data"), "device");

	if (event != NULL && device != NULL && strcmp(event, "DEVICE_DELETED") == 0)
		snprintf(q->deleted, sizeof(q->deleted), "%s", device);
}

/* Sends a command and waits for what QEMU says to it. */
static int
execute(struct qmp *q, const char *command)
{
	size_t len = strlen(command);

	if (send(q->fd, command, len, MSG_NOSIGNAL) != (ssize_t)len)
		return ctl_fail("QEMU did not take a command: %s", strerror(errno));
	for (;;) {
		json_t *message = next_message(q);
		const char *error = switch_text(json_object_get(message, "error"), "desc");
		int ret = message == NULL ? CTL_FAIL : 0;
		bool last = ret < 0 || json_object_get(message, "return") != NULL;

		if (error != NULL) {
			ret = ctl_fail("QEMU: %.400s", error);
			last = true;
		}
		if (message != NULL)
			note_event(q, message);
		json_decref(message);
		if (last)
			return ret;
	}
}

/* ---- the connection ---- */

static int
open_qmp(struct qmp *q, const struct ctl_line *line)
{
	const char *path = line->opt[OPT_QMP];
	const struct timeval limit = {.tv_sec = TIMEOUT_S};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	json_t *greeting;

	if (path[0] == '\0' || strlen(path) >= sizeof(addr.sun_path))
		return ctl_fail("qmp '%s': expected a path of 1..%zu characters", path,
				sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, path);
	q->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(q->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (q->fd < 0 || connect(q->fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return ctl_fail("%s: %s: start QEMU with -qmp unix:%s,server=on,wait=off", path,
				strerror(errno), path);
	greeting = next_message(q);
	if (greeting == NULL)
		return CTL_FAIL;
	if (json_object_get(greeting, "QMP") == NULL) {
		json_decref(greeting);
		return ctl_fail("%s is no QMP monitor", path);
	}
	json_decref(greeting);
	return execute(q, "{\"execute\": \"qmp_capabilities\"}\n");
}

/* Ends a text after its first line; where the second one begins. */
static char *
split(char *text, char *first, size_t size)
{
	char *second = strchr(text, '\n') + 1;

	snprintf(first, size, "%.*s", (int)(second - text), text);
	return second;
}

/* ---- plug and unplug ---- */

/* The second command failed: takes back what the first one made, and says why it did. */
static int
plug(struct qmp *q, const struct pvn_ivshmem_qemu_cfg *cfg)
{
	char text[4096], first[4096], why[600];
	char *second;

	if (pvn_ivshmem_qemu_plug(cfg, text, sizeof(text)) < 0)
		return ctl_fail("%s", pvn_ivshmem_why());
	second = split(text, first, sizeof(first));
	if (execute(q, first) < 0)
		return CTL_FAIL;
	if (execute(q, second) == 0)
		return 0;
	snprintf(why, sizeof(why), "%s", ctl_why());
	if (pvn_ivshmem_qemu_unplug(cfg, text, sizeof(text)) > 0)
		(void)execute(q, split(text, first, sizeof(first)));
	return ctl_fail("%s%s", why,
			strstr(why, "Bus '") != NULL
				? ": start the guest with what pvnctl ivshmem port prints"
				: "");
}

static int
unplug(struct qmp *q, const struct pvn_ivshmem_qemu_cfg *cfg)
{
	char text[4096], first[4096], device[64];
	char *second;

	if (pvn_ivshmem_qemu_unplug(cfg, text, sizeof(text)) < 0)
		return ctl_fail("%s", pvn_ivshmem_why());
	second = split(text, first, sizeof(first));
	snprintf(device, sizeof(device), "pvn-%s", cfg->name);
	if (execute(q, first) < 0)
		return CTL_FAIL;
	while (strcmp(q->deleted, device) != 0) {
		json_t *message = next_message(q);

		if (message == NULL)
			return ctl_fail(
				"the guest has not let go of the device within %lu s: is it "
				"running, and does a program in it use the device? It may "
				"still do so; see --timeout",
				q->timeout_s);
		note_event(q, message);
		json_decref(message);
	}
	return execute(q, second);
}

static int
with_qmp(const struct ctl_line *line,
	 int (*what)(struct qmp *q, const struct pvn_ivshmem_qemu_cfg *cfg))
{
	struct qmp q = {.fd = -1, .timeout_s = TIMEOUT_S};
	struct pvn_ivshmem_qemu_cfg cfg;
	json_t *keep;
	int ret = region_cfg(line, &cfg, &keep);

	if (ret == 0 && line->opt[OPT_TIMEOUT] != NULL)
		ret = ctl_number("timeout", line->opt[OPT_TIMEOUT], 1, 3600, &q.timeout_s);
	q.end = pvn_now_ms() + (int64_t)q.timeout_s * 1000;
	if (ret == 0)
		ret = open_qmp(&q, line);
	if (ret == 0)
		ret = what(&q, &cfg);
	if (q.fd >= 0)
		close(q.fd);
	free(q.text);
	json_decref(keep);
	return ret;
}

int
cmd_ivshmem_plug(struct ctl *ctl, const struct ctl_line *line)
{
	(void)ctl;
	return with_qmp(line, plug);
}

int
cmd_ivshmem_unplug(struct ctl *ctl, const struct ctl_line *line)
{
	(void)ctl;
	return with_qmp(line, unplug);
}
