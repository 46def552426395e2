/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The control socket. A client sends a line and gets one, as often as it likes; the next line is
 * read when the answer has left. All that is bounded: clients, the length of a line, and how long a
 * client may take for its line or for our answer.
 */
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include <pvn_compat.h>

#define IDLE_S 60    /* a client that says nothing */
#define PENDING_S 10 /* half a line, or an answer that is not fetched */

struct client {
	int fd;
	time_t since; /* of the last byte in or out */
	char *in;     /* PVS_REQUEST_MAX bytes */
	size_t in_len;
	char *out; /* NULL: nothing to send */
	size_t out_len, out_at;
	bool more; /* there are lines left */
};

static struct {
	int fd;
	struct sockaddr_un address;
	struct client client[PVS_CLIENTS_MAX];
	unsigned int clients;
} control = {.fd = -1};

static time_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec;
}

/* ---- the socket ---- */

static int
fail(char *why, const char *what)
{
	const int err = errno;

	snprintf(why, PVS_WHY_MAX, "control socket %s: %s: %s", control.address.sun_path, what,
		 strerror(err));
	return -err;
}

/* The last folder of the path, which is nobody's but ours in /run. */
static void
make_folder(void)
{
	char folder[sizeof(control.address.sun_path)];
	char *slash;

	strcpy(folder, control.address.sun_path);
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return;
	*slash = '\0';
	mkdir(folder, 0755);
}

static int
try_bind(void)
{
	const mode_t mask = umask(0177);
	const int ret = bind(control.fd, (const struct sockaddr *)&control.address,
			     sizeof(control.address));
	const int err = errno;

	umask(mask);
	errno = err;
	return ret;
}

/* True if nobody listens at the path any more. */
static bool
is_left_over(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;
	bool left;

	if (fd < 0 || lstat(control.address.sun_path, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	left = connect(fd, (const struct sockaddr *)&control.address, sizeof(control.address)) <
		       0 &&
	       errno == ECONNREFUSED;
	close(fd);
	return left;
}

static int
bind_socket(char *why)
{
	int ret = try_bind();

	if (ret < 0 && errno == ENOENT) {
		make_folder();
		ret = try_bind();
	}
	if (ret < 0 && errno == EADDRINUSE) {
		if (!is_left_over()) {
			snprintf(why, PVS_WHY_MAX,
				 "control socket %s is in use: another pvswitch runs, or it is "
				 "something else's; choose another with control",
				 control.address.sun_path);
			return -EADDRINUSE;
		}
		unlink(control.address.sun_path);
		ret = try_bind();
	}
	return ret < 0 ? fail(why, "bind") : 0;
}

int
pvs_control_open(struct pvs *sw, char *why)
{
	int ret;

	control.address.sun_family = AF_UNIX;
	snprintf(control.address.sun_path, sizeof(control.address.sun_path), "%s",
		 sw->options.control);
	control.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control.fd < 0)
		return fail(why, "socket");
	ret = bind_socket(why);
	if (ret == 0 && listen(control.fd, PVS_CLIENTS_MAX) < 0) {
		ret = fail(why, "listen");
		unlink(control.address.sun_path);
	}
	if (ret == 0)
		return 0;
	close(control.fd);
	control.fd = -1;
	return ret;
}

/* ---- clients ---- */

static void
drop(struct client *c)
{
	close(c->fd);
	free(c->in);
	free(c->out);
	*c = control.client[--control.clients];
}

/* Only root, and who runs us, whatever the mode of the socket has become. */
static bool
may_enter(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

/* The last that a client hears; if it does not fit into the socket, so be it. */
static void
say(int fd, const char *why)
{
	char text[128];
	const int len = snprintf(text, sizeof(text), "{\"error\": \"%s\"}\n", why);

	if (send(fd, text, len, MSG_NOSIGNAL) < 0)
		PVS_LOG(DEBUG, "control: a client did not hear that %s", why);
}

static void
refuse(int fd, const char *why)
{
	say(fd, why);
	close(fd);
}

static void
take_client(void)
{
	int fd = accept4(control.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c = &control.client[control.clients];

	if (fd < 0)
		return;
	if (!may_enter(fd)) {
		refuse(fd, "only root and the user that runs pvswitch may do that");
		return;
	}
	if (control.clients == PVS_CLIENTS_MAX) {
		refuse(fd, "pvswitch has too many clients already: try again later");
		return;
	}
	*c = (struct client){.fd = fd, .since = now(), .in = malloc(PVS_REQUEST_MAX)};
	if (c->in == NULL)
		refuse(fd, "no memory");
	else
		control.clients++;
}

/* False if the client is gone. */
static bool
send_answer(struct client *c)
{
	const ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->since = now();
	c->out_at += n;
	if (c->out_at < c->out_len)
		return true;
	free(c->out);
	c->out = NULL;
	return true;
}

/* Answers the first `len` bytes of what came, and keeps what is behind the newline. */
static bool
answer(struct pvs *sw, struct client *c, size_t len)
{
	json_t *reply = pvs_request(sw, c->in, len);
	char *text = reply != NULL ? json_dumps(reply, JSON_COMPACT) : NULL;

	json_decref(reply);
	c->in_len -= len + 1;
	memmove(c->in, c->in + len + 1, c->in_len);
	if (text == NULL)
		return false;
	c->out_len = strlen(text) + 1;
	text[c->out_len - 1] = '\n'; /* in the place of the zero: it is no string from here on */
	c->out = text;
	c->out_at = 0;
	return send_answer(c);
}

/* Lines that are there already, until one's answer does not leave at once; but no more than a few
 * in a turn, there are others.
 */
static bool
answer_lines(struct pvs *sw, struct client *c)
{
	const char *newline = memchr(c->in, '\n', c->in_len);

	for (int turn = 0; newline != NULL && turn < 8 && c->out == NULL; turn++) {
		if (!answer(sw, c, newline - c->in))
			return false;
		newline = memchr(c->in, '\n', c->in_len);
	}
	c->more = newline != NULL;
	if (newline == NULL && c->in_len == PVS_REQUEST_MAX) {
		say(c->fd, "the request is longer than 16383 bytes");
		return false;
	}
	return true;
}

static bool
receive(struct client *c)
{
	const ssize_t n = recv(c->fd, c->in + c->in_len, PVS_REQUEST_MAX - c->in_len, 0);

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	c->since = now();
	c->in_len += n;
	return true;
}

/* False if the client is to be dropped. */
static bool
serve_client(struct pvs *sw, struct client *c, short events)
{
	const bool pending = c->out != NULL || c->in_len > 0;

	if ((events & (POLLERR | POLLNVAL)) != 0)
		return false;
	if (c->out != NULL && (events & (POLLOUT | POLLHUP)) != 0 && !send_answer(c))
		return false;
	if (c->out == NULL && c->in_len < PVS_REQUEST_MAX && (events & (POLLIN | POLLHUP)) != 0 &&
	    !receive(c))
		return false;
	if (!answer_lines(sw, c))
		return false;
	return now() - c->since <= (pending ? PENDING_S : IDLE_S);
}

int
pvs_control_fds(struct pollfd *fds, int max)
{
	int n = 0;

	if (control.fd < 0 || max == 0)
		return 0;
	fds[n++] = (struct pollfd){.fd = control.fd, .events = POLLIN};
	for (unsigned int i = 0; i < control.clients && n < max; i++) {
		const struct client *c = &control.client[i];

		/* With lines left, poll() shall not wait: one can write at once. */
		fds[n++] = (struct pollfd){.fd = c->fd,
					   .events = c->out || c->more ? POLLOUT : POLLIN};
	}
	return n;
}

static short
events_of(const struct pollfd *fds, int n, int fd)
{
	for (int i = 0; i < n; i++)
		if (fds[i].fd == fd)
			return fds[i].revents;
	return 0;
}

void
pvs_control_serve(struct pvs *sw, const struct pollfd *fds, int n)
{
	/* From the end: who is dropped is replaced by the last, which was served. */
	for (unsigned int i = control.clients; i-- > 0;)
		if (!serve_client(sw, &control.client[i], events_of(fds, n, control.client[i].fd)))
			drop(&control.client[i]);
	if (control.fd >= 0 && (events_of(fds, n, control.fd) & POLLIN) != 0)
		take_client();
}

void
pvs_control_close(struct pvs *sw)
{
	(void)sw;
	while (control.clients > 0)
		drop(&control.client[0]);
	if (control.fd < 0)
		return;
	unlink(control.address.sun_path);
	close(control.fd);
	control.fd = -1;
}
