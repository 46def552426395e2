/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "xen_local_kit.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 20000

/* ---- the server ---- */

static void
serve(const struct kit *kit, uint32_t share_pages, int ready_fd, int stop_fd)
{
	const struct pvn_xen_local_cfg cfg = {.path = kit->socket,
					      .ready_fd = ready_fd,
					      .stop_fd = stop_fd,
					      .share_pages = share_pages};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pvn_xen_local_serve(&cfg) == 0)
		exit(0); /* and let sanitizers look for leaks */
	fprintf(stderr, "server: %s\n", pvn_xen_why());
	exit(1);
}

void
kit_start(struct kit *kit, uint32_t share_pages)
{
	int ready[2];
	int stop[2];

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(stop), 0);
	kit->server = fork();
	assert_true(kit->server >= 0);
	if (kit->server == 0) {
		close(ready[0]);
		close(stop[1]);
		serve(kit, share_pages, ready[1], stop[0]);
	}
	close(ready[1]);
	close(stop[0]);
	kit->stop_fd = stop[1];
	kit_wait(ready[0]);
	close(ready[0]);
}

void
kit_stop(struct kit *kit)
{
	int status;

	close(kit->stop_fd);
	assert_int_equal(waitpid(kit->server, &status, 0), kit->server);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int
begin(void **state, uint32_t share_pages)
{
	struct kit *kit = calloc(1, sizeof(*kit));

	assert_non_null(kit);
	strcpy(kit->folder, "/tmp/pvn-local-XXXXXX");
	assert_non_null(mkdtemp(kit->folder));
	snprintf(kit->socket, sizeof(kit->socket), "%s/socket", kit->folder);
	kit_start(kit, share_pages);
	*state = kit;
	return 0;
}

int
kit_begin(void **state)
{
	return begin(state, 0);
}

int
kit_begin_small(void **state)
{
	return begin(state, KIT_SMALL);
}

int
kit_end(void **state)
{
	struct kit *kit = *state;

	kit_stop(kit);
	assert_int_equal(rmdir(kit->folder), 0);
	free(kit);
	return 0;
}

static unsigned int
count_files(pid_t pid)
{
	char path[32];
	unsigned int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* Each request that is answered was preceded by what was ready before it; so the number falls until
 * nothing is to do any more.
 */
unsigned int
kit_server_files(const struct kit *kit)
{
	struct pvn_xen *x = kit_open(kit, 0);
	unsigned int least = UINT32_MAX;

	for (int same = 0; same < 50; same++) {
		unsigned int n;

		kit_expect_value(x, 0, "domid", "0");
		n = count_files(kit->server);
		if (n < least) {
			least = n;
			same = 0;
		}
	}
	pvn_xen_close(x);
	return least;
}

/* ---- domains ---- */

struct pvn_xen *
kit_open(const struct kit *kit, uint16_t domid)
{
	struct pvn_xen *x = NULL;
	char spec[128];

	snprintf(spec, sizeof(spec), "local:%s:%u", kit->socket, domid);
	if (pvn_xen_open(spec, &x) < 0)
		fail_msg("%s: %s", spec, pvn_xen_why());
	assert_int_equal(pvn_xen_domid(x), domid);
	return x;
}

struct kit_child
kit_child(const struct kit *kit, uint16_t domid, kit_body *body, const void *arg)
{
	struct kit_child child;
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (child.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fd[0]);
		body(kit_open(kit, domid), fd[1], arg);
		for (;;)
			pause();
	}
	close(fd[1]);
	child.from = fd[0];
	return child;
}

void
kit_hear(const struct kit_child *child, void *data, size_t len)
{
	kit_wait(child->from);
	assert_int_equal(read(child->from, data, len), len);
}

void
kit_say(int say, const void *data, size_t len)
{
	if (write(say, data, len) != (ssize_t)len)
		abort();
}

void
kit_kill(struct kit_child *child)
{
	assert_int_equal(kill(child->pid, SIGKILL), 0);
	assert_int_equal(waitpid(child->pid, NULL, 0), child->pid);
	close(child->from);
}

/* ---- expectations ---- */

static int
poll_for(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;

	do {
		n = poll(&p, 1, ms);
	} while (n < 0 && errno == EINTR);
	return n;
}

void
kit_wait(int fd)
{
	assert_int_equal(poll_for(fd, WAIT_MS), 1);
}

void
kit_nothing(int fd)
{
	assert_int_equal(poll_for(fd, 0), 0);
}

void
kit_expect_watch(struct pvn_xen *x, const char *token, const char *path)
{
	char *got_token = NULL;
	char *got_path = NULL;

	kit_wait(pvn_xen_watch_fd(x));
	assert_int_equal(pvn_xen_watch_next(x, &got_token, &got_path), 0);
	assert_string_equal(got_path, path);
	assert_string_equal(got_token, token);
	free(got_token);
	free(got_path);
}

void
kit_no_watch(struct pvn_xen *x)
{
	char *token;

	assert_int_equal(pvn_xen_watch_next(x, &token, NULL), -EAGAIN);
}

void
kit_expect_value(struct pvn_xen *x, uint32_t txn, const char *path, const char *value)
{
	char *got = NULL;
	int n = pvn_xen_read(x, txn, path, &got);

	if (n < 0)
		fail_msg("%s: %s", path, pvn_xen_why());
	assert_int_equal(n, strlen(value));
	assert_string_equal(got, value);
	free(got);
}

/* ---- shorthands for the store ---- */

struct kit_domains
kit_open_all(void **state)
{
	struct kit *kit = *state;

	return (struct kit_domains){kit_open(kit, 0), kit_open(kit, 7), kit_open(kit, 8)};
}

void
kit_close_all(struct kit_domains *d)
{
	pvn_xen_close(d->host);
	pvn_xen_close(d->guest);
	pvn_xen_close(d->other);
}

int
kit_put(struct pvn_xen *x, uint32_t txn, const char *path, const char *value)
{
	return pvn_xen_write(x, txn, path, value, strlen(value));
}

int
kit_probe(struct pvn_xen *x, const char *path)
{
	char *value = NULL;
	int ret = pvn_xen_read(x, 0, path, &value);

	free(value);
	return ret;
}

void
kit_expect_names(struct pvn_xen *x, const char *path, const char *want)
{
	char **names = NULL;
	char got[600] = "";
	int n = pvn_xen_list(x, 0, path, &names);

	if (n < 0)
		fail_msg("%s: %s", path, pvn_xen_why());
	for (int i = 0; i < n; i++) {
		strcat(got, i == 0 ? "" : " ");
		strcat(got, names[i]);
	}
	free(names);
	assert_string_equal(got, want);
}

void
kit_expect_perms(struct pvn_xen *x, const char *path, const char *want)
{
	struct pvn_xen_perm *p = NULL;
	char got[100] = "";
	int n = pvn_xen_get_perms(x, 0, path, &p);

	if (n < 0)
		fail_msg("%s: %s", path, pvn_xen_why());
	for (int i = 0; i < n; i++)
		sprintf(got + strlen(got), "%s%c%u", i == 0 ? "" : " ",
			"nrwb"[p[i].read + 2 * p[i].write], p[i].domid);
	free(p);
	assert_string_equal(got, want);
}

int
kit_chmod(struct pvn_xen *x, uint32_t txn, const char *path, const char *perms)
{
	struct pvn_xen_perm p[8];
	unsigned int n = 0;
	unsigned int domid;
	char letter;
	int len;

	while (sscanf(perms, " %c%u%n", &letter, &domid, &len) == 2) {
		p[n].domid = domid;
		p[n].read = letter == 'r' || letter == 'b';
		p[n].write = letter == 'w' || letter == 'b';
		n++;
		perms += len;
	}
	return pvn_xen_set_perms(x, txn, path, p, n);
}
