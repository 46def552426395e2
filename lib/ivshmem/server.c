/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The server's public calls and its loop. One event is taken at a time, so that nothing an event
 * points to can have ended while an earlier one was handled.
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fail.h"
#include "region.h"

#define EVENTS_AT_ONCE 64

/* ---- the loop ---- */

/* Out of descriptors, accept() would leave the client waiting and us spinning: the spare one makes
 * room to accept it and to hang up.
 */
static void
refuse(struct pvn_ivshmem_server *s, const struct server_socket *sock)
{
	int fd;

	close(s->spare_fd);
	fd = accept4(sock->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s->stats.refused++;
}

static void
accept_client(struct pvn_ivshmem_server *s, const struct server_socket *sock)
{
	int fd = accept4(sock->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		refuse(s, sock);
	if (fd < 0)
		return;
	/* Whoever comes after somebody else's death finds the place free. */
	server_find_dead(s);
	server_reap(s);
	server_client_new(s, fd, sock->source.host);
}

void
pvn_ivshmem_server_run(struct pvn_ivshmem_server *s)
{
	struct epoll_event e;

	pthread_mutex_lock(&s->lock);
	for (int i = 0; i < EVENTS_AT_ONCE && epoll_wait(s->epoll_fd, &e, 1, 0) == 1; i++) {
		const struct server_source *source = e.data.ptr;

		if (source->client != NULL)
			server_client_ready(s, source->client, e.events);
		else
			accept_client(s, source->host ? &s->host_socket : &s->guest_socket);
		server_reap(s);
	}
	pthread_mutex_unlock(&s->lock);
}

static void *
run_thread(void *arg)
{
	struct pvn_ivshmem_server *s = arg;
	struct pollfd fds[] = {
		{.fd = s->epoll_fd, .events = POLLIN},
		{.fd = s->stop_fd, .events = POLLIN},
	};

	while (fds[1].revents == 0) {
		if (poll(fds, 2, -1) > 0 && fds[0].revents != 0)
			pvn_ivshmem_server_run(s);
	}
	return NULL;
}

int
pvn_ivshmem_server_start(struct pvn_ivshmem_server *s)
{
	int ret;

	if (s->has_thread)
		return ivs_fail(EALREADY, "region %s has its thread already", s->name);
	s->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (s->stop_fd < 0)
		return ivs_fail(errno, "no eventfd: %s", strerror(errno));
	ret = pthread_create(&s->thread, NULL, run_thread, s);
	if (ret == 0) {
		s->has_thread = true;
		return 0;
	}
	close(s->stop_fd);
	s->stop_fd = -1;
	return ivs_fail(ret, "no thread: %s", strerror(ret));
}

static void
stop_thread(struct pvn_ivshmem_server *s)
{
	const uint64_t one = 1;

	if (!s->has_thread)
		return;
	while (write(s->stop_fd, &one, sizeof(one)) < 0)
		;
	pthread_join(s->thread, NULL);
	close(s->stop_fd);
}

/* ---- begin and end ---- */

static int
check_cfg(const struct pvn_ivshmem_server_cfg *cfg)
{
	int ret = region_cfg_check(cfg->name, cfg->size, cfg->vectors);

	if (ret == 0 && cfg->guests > PVN_IVSHMEM_GUESTS_MAX)
		ret = ivs_fail(EINVAL, "%u guests: expected 1..%u", cfg->guests,
			       PVN_IVSHMEM_GUESTS_MAX);
	if (ret == 0 && (cfg->mode & ~(mode_t)0777) != 0)
		ret = ivs_fail(EINVAL, "mode %o: expected 0..0777", cfg->mode);
	if (ret == 0 && cfg->huge_page != 0 && (cfg->file != NULL || cfg->memory_fd > 0))
		ret = ivs_fail(EINVAL, "huge pages are for a memfd: for a file, put it where "
				       "hugetlbfs is mounted");
	return ret;
}

static int
listen_at(struct pvn_ivshmem_server *s, struct server_socket *sock,
	  const struct pvn_ivshmem_server_cfg *cfg, const char *suffix)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = &sock->source};
	int ret = server_socket_listen(sock, cfg, suffix);

	if (ret == 0 && epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, sock->fd, &e) < 0)
		ret = ivs_fail(errno, "epoll: %s", strerror(errno));
	return ret;
}

static int
begin(struct pvn_ivshmem_server *s, const struct pvn_ivshmem_server_cfg *cfg)
{
	int ret = server_memory_new(s, cfg);

	if (ret < 0)
		return ret;
	ret = server_bells_new(s, s->host_bell);
	if (ret < 0)
		return ret;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (s->epoll_fd < 0 || s->spare_fd < 0)
		return ivs_fail(errno, "no descriptor: %s", strerror(errno));
	if (cfg->path == NULL)
		return 0;
	ret = listen_at(s, &s->host_socket, cfg, ".host");
	return ret == 0 ? listen_at(s, &s->guest_socket, cfg, "") : ret;
}

static struct pvn_ivshmem_server *
new_server(const struct pvn_ivshmem_server_cfg *cfg)
{
	struct pvn_ivshmem_server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	strcpy(s->name, cfg->name);
	s->vectors = cfg->vectors != 0 ? cfg->vectors : 1;
	s->guests = cfg->guests != 0 ? cfg->guests : PVN_IVSHMEM_GUESTS_DEFAULT;
	for (uint32_t i = 0; i < IVSHMEM_VECTORS_MAX; i++)
		s->host_bell[i] = -1;
	s->memory_fd = s->epoll_fd = s->spare_fd = s->stop_fd = -1;
	s->guest_socket.fd = s->host_socket.fd = -1;
	s->host_socket.source.host = true;
	return s;
}

int
pvn_ivshmem_server_new(const struct pvn_ivshmem_server_cfg *cfg, struct pvn_ivshmem_server **out)
{
	struct pvn_ivshmem_server *s;
	int ret;

	if (cfg == NULL || out == NULL)
		return ivs_fail(EINVAL, "a configuration and a place for the result are needed");
	ret = check_cfg(cfg);
	if (ret < 0)
		return ret;
	s = new_server(cfg);
	if (s == NULL)
		return ivs_fail(ENOMEM, "no memory");
	ret = begin(s, cfg);
	if (ret < 0) {
		pvn_ivshmem_server_free(s);
		errno = -ret;
		return ret;
	}
	*out = s;
	return 0;
}

void
pvn_ivshmem_server_free(struct pvn_ivshmem_server *s)
{
	if (s == NULL)
		return;
	stop_thread(s);
	server_socket_close(&s->guest_socket);
	server_socket_close(&s->host_socket);
	for (uint32_t place = 0; place <= s->guests; place++)
		if (s->clients[place] != NULL)
			s->clients[place]->dead = true;
	server_reap(s);
	server_bells_free(s->host_bell);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	if (s->spare_fd >= 0)
		close(s->spare_fd);
	server_memory_free(s);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- the rest ---- */

int
pvn_ivshmem_server_fd(const struct pvn_ivshmem_server *s)
{
	return s->epoll_fd;
}

int
pvn_ivshmem_server_connect(struct pvn_ivshmem_server *s, bool host)
{
	int ends[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return ivs_fail(errno, "no socket pair: %s", strerror(errno));
	pthread_mutex_lock(&s->lock);
	server_find_dead(s);
	server_reap(s);
	ret = server_client_new(s, ends[0], host);
	server_reap(s);
	pthread_mutex_unlock(&s->lock);
	if (ret == 0)
		return ends[1];
	close(ends[1]);
	errno = -ret;
	return ret;
}

int
pvn_ivshmem_server_memory(const struct pvn_ivshmem_server *s)
{
	return s->memory_fd;
}

uint64_t
pvn_ivshmem_server_size(const struct pvn_ivshmem_server *s)
{
	return s->size;
}

uint32_t
pvn_ivshmem_server_vectors(const struct pvn_ivshmem_server *s)
{
	return s->vectors;
}

uint32_t
pvn_ivshmem_server_clients(struct pvn_ivshmem_server *s, struct pvn_ivshmem_client *to,
			   uint32_t max)
{
	uint32_t n = 0;

	pthread_mutex_lock(&s->lock);
	for (uint32_t place = 0; place <= s->guests; place++) {
		if (s->clients[place] == NULL)
			continue;
		if (n < max)
			to[n] = s->clients[place]->who;
		n++;
	}
	pthread_mutex_unlock(&s->lock);
	return n;
}

void
pvn_ivshmem_server_stats(struct pvn_ivshmem_server *s, struct pvn_ivshmem_server_stats *to)
{
	pthread_mutex_lock(&s->lock);
	*to = s->stats;
	pthread_mutex_unlock(&s->lock);
}
