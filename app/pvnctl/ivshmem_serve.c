/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The keeper: holds the memory of regions and their sockets, so that an application may die and
 * come back. One thread, one loop; nobody is waited for. Its control socket takes the same words as
 * command lines: ["add", "r0,size=64M"], ["remove", "r0"], ["list"].
 */
#define _GNU_SOURCE
#include "ivshmem.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <pvn_serve.h>
#include <server.h>

#include "command.h"

#define CLIENTS_MAX 16
#define REQUEST_MAX 4096
#define CLIENT_S 5 /* to say what it wants and to take the answer */

/* One request, one answer, and that is all of a connection. */
struct control_client {
	int fd; /* -1: a free place */
	time_t since;
	char request[REQUEST_MAX];
	size_t got;
	char *answer; /* NULL: the request is not whole yet */
	size_t len, sent;
};

struct keeper {
	char folder[PATH_MAX]; /* with no link in it: others use it from elsewhere */
	int stop_fd;
	struct server_socket control;
	struct keeper_regions regions;
	struct control_client clients[CLIENTS_MAX];
};

/* ---- requests ---- */

static json_t *
error_json(const char *why)
{
	json_t *text = json_string(why);

	return json_pack("{s:o}", "error", text != NULL ? text : json_string("not UTF-8"));
}

static json_t *
list_json(struct keeper *k)
{
	json_t *list = json_array();
	struct keeper_region *r;

	LIST_FOREACH(r, &k->regions, next)
	json_array_insert_new(list, 0, region_json(r));
	return json_pack("{s:i, s:o}", "pid", (int)getpid(), "regions", list);
}

/* What a line asks for. */
static json_t *
answer_words(struct keeper *k, const json_t *words)
{
	const char *verb = json_string_value(json_array_get(words, 0));
	const char *arg = json_string_value(json_array_get(words, 1));
	size_t count = json_array_size(words);

	if (verb != NULL && strcmp(verb, "list") == 0 && count == 1)
		return list_json(k);
	if (verb != NULL && arg != NULL && count == 2) {
		if (strcmp(verb, "add") == 0)
			return region_add(&k->regions, k->folder, arg) < 0
				       ? error_json(ctl_why())
				       : json_pack("{s:s}", "added", arg);
		if (strcmp(verb, "remove") == 0)
			return region_remove(&k->regions, arg) < 0
				       ? error_json(ctl_why())
				       : json_pack("{s:s}", "removed", arg);
	}
	return error_json("expected [\"list\"], [\"add\", REGION] or [\"remove\", NAME]");
}

static void
answer(struct keeper *k, struct control_client *c)
{
	json_t *words = json_loadb(c->request, c->got, 0, NULL);
	json_t *reply = answer_words(k, words);
	char *text = reply != NULL ? json_dumps(reply, JSON_COMPACT) : NULL;

	json_decref(words);
	json_decref(reply);
	if (text != NULL) {
		c->len = strlen(text);
		c->answer = text;
		c->answer[c->len++] = '\n'; /* instead of the NUL */
	}
}

/* ---- control clients ---- */

static void
end_client(struct control_client *c)
{
	close(c->fd);
	free(c->answer);
	*c = (struct control_client){.fd = -1};
}

static void
client_read(struct keeper *k, struct control_client *c)
{
	ssize_t n = recv(c->fd, c->request + c->got, sizeof(c->request) - c->got, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	c->got += n > 0 ? n : 0;
	if (n > 0 && memchr(c->request, '\n', c->got) != NULL)
		answer(k, c);
	else if (n <= 0 || c->got == sizeof(c->request))
		end_client(c);
	if (c->fd >= 0 && memchr(c->request, '\n', c->got) != NULL && c->answer == NULL)
		end_client(c); /* no memory */
}

static void
client_write(struct control_client *c)
{
	ssize_t n = send(c->fd, c->answer + c->sent, c->len - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	c->sent += n > 0 ? n : 0;
	if (n <= 0 || c->sent == c->len)
		end_client(c);
}

static time_t
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* The kernel has checked the socket's mode; this is for a mode that somebody changed. */
static bool
may_control(int fd)
{
	struct ucred cred = {.uid = (uid_t)-1};
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	       (cred.uid == 0 || cred.uid == geteuid());
}

static void
accept_client(struct keeper *k)
{
	int fd = accept4(k->control.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (int i = 0; i < CLIENTS_MAX && may_control(fd); i++) {
		if (k->clients[i].fd < 0) {
			k->clients[i].fd = fd;
			k->clients[i].since = now_s();
			return;
		}
	}
	close(fd);
}

static void
end_slow_clients(struct keeper *k)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (k->clients[i].fd >= 0 && now_s() - k->clients[i].since > CLIENT_S)
			end_client(&k->clients[i]);
}

/* ---- the loop ---- */

#define FIXED_FDS (2 + CLIENTS_MAX)

static nfds_t
collect(struct keeper *k, struct pollfd *fds)
{
	const struct keeper_region *r;
	nfds_t n = 0;

	fds[n++] = (struct pollfd){.fd = k->stop_fd, .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = k->control.fd, .events = POLLIN};
	for (int i = 0; i < CLIENTS_MAX; i++)
		fds[n++] =
			(struct pollfd){.fd = k->clients[i].fd,
					.events = k->clients[i].answer != NULL ? POLLOUT : POLLIN};
	LIST_FOREACH(r, &k->regions, next)
	fds[n++] = (struct pollfd){.fd = pvn_ivshmem_server_fd(r->server), .events = POLLIN};
	return n;
}

/* Regions first: their list is as it was collected until a control client is served. */
static void
serve_ready(struct keeper *k, const struct pollfd *fds)
{
	const struct pollfd *fd = fds + FIXED_FDS;
	struct keeper_region *r;

	LIST_FOREACH(r, &k->regions, next)
	if ((fd++)->revents != 0)
		pvn_ivshmem_server_run(r->server);
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct control_client *c = &k->clients[i];

		if (c->fd < 0 || fds[2 + i].revents == 0)
			continue;
		if (c->answer == NULL)
			client_read(k, c);
		else
			client_write(c);
	}
	if (fds[1].revents != 0)
		accept_client(k);
}

static int
loop(struct keeper *k)
{
	static struct pollfd fds[FIXED_FDS + KEEPER_REGIONS_MAX];

	for (;;) {
		int n = poll(fds, collect(k, fds), 1000);

		if (n < 0 && errno != EINTR)
			return ctl_fail("poll: %s", strerror(errno));
		if (n > 0 && fds[0].revents != 0)
			return 0;
		if (n > 0)
			serve_ready(k, fds);
		end_slow_clients(k);
	}
}

/* ---- begin and end ---- */

static int
open_control(struct keeper *k, const char *folder)
{
	char path[108];
	const struct pvn_ivshmem_server_cfg cfg = {.path = path};

	if ((mkdir(folder, 0755) < 0 && errno != EEXIST) || realpath(folder, k->folder) == NULL)
		return ctl_fail("%s: %s", folder, strerror(errno));
	if ((size_t)snprintf(path, sizeof(path), "%s/control", k->folder) >= sizeof(path))
		return ctl_fail("%s: the path is too long for a socket", k->folder);
	return server_socket_listen(&k->control, &cfg, "") < 0 ? ctl_fail("%s", pvn_ivshmem_why())
							       : 0;
}

static int
serve(struct keeper *k, const struct ctl_line *line)
{
	int ret = open_control(k, keeper_folder(line));

	for (unsigned int i = 0; i < line->arg_count && ret == 0; i++)
		ret = region_add(&k->regions, k->folder, line->arg[i]);
	if (ret < 0)
		return ret;
	printf("serving %s\n", k->folder);
	fflush(stdout);
	return loop(k);
}

int
cmd_ivshmem_serve(struct ctl *ctl, const struct ctl_line *line)
{
	static struct keeper k = {.control = {.fd = -1}};
	int ret;

	(void)ctl;
	for (int i = 0; i < CLIENTS_MAX; i++)
		k.clients[i].fd = -1;
	k.stop_fd = stop_signals(false);
	if (k.stop_fd < 0)
		return CTL_FAIL;
	pvn_serve_raise_file_limit(); /* a client costs one, and one for each of its vectors */
	ret = serve(&k, line);
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (k.clients[i].fd >= 0)
			end_client(&k.clients[i]);
	regions_end(&k.regions);
	server_socket_close(&k.control);
	close(k.stop_fd);
	return ret;
}
