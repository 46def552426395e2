/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A peer of an ivshmem server that is the input: whatever numbers it sends, in pieces or not, with
 * whatever descriptors, and whatever it does to what it has sent. The peer must say what is wrong,
 * stay within its bounds, and let go of every descriptor.
 *
 * Time is the input's, too: it passes when the peer waits, so that a silent server costs none.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "hostile.h"
#include "ivshmem_kit.h"
#include "peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_clock_gettime(clockid_t id, struct timespec *t);
int __real_clock_gettime(clockid_t id, struct timespec *t);

#define BELLS 3
#define FILES_MAX 600u /* open at a time; with few, the peer runs out of them */
#define FILES_FEW 48u
#define WAITS_MAX 2000u /* of the peer, for a server that says nothing */
#define MEMORY 65536

static struct {
	int sock;      /* the server's end, -1: it has hung up */
	int peer_sock; /* the number that the peer's end has */
	int bell[BELLS];
	bool waiting; /* the peer does: time is ours */
	int64_t ms;
	unsigned int waits;
	unsigned int files; /* that the peer may have open */
} server;

/* ---- descriptors ---- */

static void
limit_files(unsigned int most)
{
	const struct rlimit limit = {most, FILES_MAX};

	HOSTILE_RULE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

enum kind {
	NOTHING,
	GOOD_MEMORY,
	BELL,
	NEW_BELL,
	FULL_BELL, /* and blocking */
	EMPTY_MEMORY,
	ODD_MEMORY,
	SEALED_MEMORY,
	READ_ONLY_MEMORY,
	HUGE_MEMORY,
	NO_MEMORY, /* a folder */
	PIPE,
	EPOLL,
	PEERS_SOCKET, /* so that a socket is on its way in itself */
	SERVERS_SOCKET,
	KINDS
};

static int
memory(uint64_t size, unsigned int seals)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	HOSTILE_RULE(fd >= 0 && ftruncate(fd, size) == 0);
	HOSTILE_RULE(fcntl(fd, F_ADD_SEALS, seals) == 0);
	return fd;
}

static int
read_only(void)
{
	int fd = memory(MEMORY, 0);
	char path[32];
	int reader;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	close(fd);
	return reader;
}

static int
pipe_end(void)
{
	int ends[2];

	HOSTILE_RULE(pipe(ends) == 0);
	close(ends[0]);
	return ends[1];
}

static int
full_bell(void)
{
	const uint64_t most = UINT64_MAX - 1;
	int fd = eventfd(0, EFD_CLOEXEC);

	HOSTILE_RULE(write(fd, &most, sizeof(most)) == sizeof(most));
	return fd;
}

/* To be closed after it was sent; -1: none. */
static int
make(enum kind kind)
{
	switch (kind) {
	case GOOD_MEMORY:
		return memory(MEMORY, F_SEAL_SHRINK | F_SEAL_GROW);
	case EMPTY_MEMORY:
		return memory(0, 0);
	case ODD_MEMORY:
		return memory(hostile_u16(), 0);
	case SEALED_MEMORY:
		return memory(MEMORY, F_SEAL_WRITE);
	case HUGE_MEMORY:
		return memory(INT64_C(1) << (30 + hostile_u8() % 32), 0);
	case READ_ONLY_MEMORY:
		return read_only();
	case NO_MEMORY:
		return open("/", O_RDONLY | O_CLOEXEC);
	case BELL:
		return dup(server.bell[hostile_u8() % BELLS]);
	case NEW_BELL:
		return eventfd(0, EFD_CLOEXEC);
	case FULL_BELL:
		return full_bell();
	case PIPE:
		return pipe_end();
	case EPOLL:
		return epoll_create1(EPOLL_CLOEXEC);
	case PEERS_SOCKET:
		return dup(server.peer_sock);
	case SERVERS_SOCKET:
		return dup(server.sock);
	default:
		return -1;
	}
}

/* ---- the server ---- */

static int64_t
value(void)
{
	uint8_t small = hostile_u8();

	if (small == 0xFF)
		return -1;
	if (small != 0xFE)
		return small;
	return (int64_t)((uint64_t)hostile_u32() << 32 | hostile_u32());
}

static void
send_value(size_t from, size_t len, unsigned int count)
{
	int64_t number = value();
	int fd = make(hostile_u8() % KINDS);

	if (fd < 0)
		count = 0;
	(void)kit_send_part(server.sock, number, from, len, fd, count);
	if (fd >= 0)
		close(fd);
}

static void
hang_up(void)
{
	close(server.sock);
	server.sock = -1;
}

/* One peer with more vectors than there can be, or more peers; few other inputs would get there. */
static void
flood(void)
{
	const uint32_t first = hostile_u8(), step = hostile_u8() % 2;

	for (uint32_t n = hostile_u8(), i = 0; i < n; i++)
		kit_send(server.sock, first + i * step, server.bell[i % BELLS]);
}

/* The same as what a good server sends first, so that what follows is reached at once. */
static void
greet(void)
{
	int fd = make(GOOD_MEMORY);

	kit_send(server.sock, IVSHMEM_SERVER_VERSION, -1);
	kit_send(server.sock, 5, -1);
	kit_send(server.sock, IVSHMEM_SERVER_MEMORY, fd);
	close(fd);
	kit_send(server.sock, IVSHMEM_PEER_HOST, server.bell[0]);
	kit_send(server.sock, 5, server.bell[1]);
}

static void
serve(void)
{
	bool done = false;
	uint8_t part;

	limit_files(FILES_MAX);
	while (!done && server.sock >= 0 && hostile_more()) {
		switch (hostile_u8() % 8) {
		case 0:
			done = true;
			break;
		case 1:
			part = hostile_u8();
			send_value(part % 8, 1 + part / 8 % (8 - part % 8), 1);
			break;
		case 2:
			send_value(0, 8, 2 + hostile_u8() % 249);
			break;
		case 3:
			greet();
			break;
		case 4:
			flood();
			break;
		case 5:
			if (hostile_u8() % 4 == 0)
				hang_up();
			break;
		default:
			send_value(0, 8, 1);
			break;
		}
	}
	limit_files(server.files);
}

/* ---- time ---- */

int
__wrap_clock_gettime(clockid_t id, struct timespec *t)
{
	if (!server.waiting)
		return __real_clock_gettime(id, t);
	*t = (struct timespec){.tv_sec = server.ms / 1000, .tv_nsec = server.ms % 1000 * 1000000};
	return 0;
}

/* Who waits lets the server go on; when nothing comes of it, it has waited in vain. */
int
__wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	int ready;

	if (!server.waiting)
		return __real_poll(fds, n, timeout);
	HOSTILE_RULE(++server.waits < WAITS_MAX);
	HOSTILE_RULE(timeout > 0);
	serve();
	ready = __real_poll(fds, n, 0);
	if (ready == 0)
		server.ms += timeout;
	return ready;
}

/* ---- the peer ---- */

static void
check(struct pvn_ivshmem_peer *p)
{
	HOSTILE_RULE(p->number <= IVSHMEM_PEER_MAX);
	HOSTILE_RULE(p->size > 0 && p->size % IVSHMEM_PAGE == 0);
	HOSTILE_RULE(p->vectors <= IVSHMEM_VECTORS_MAX);
	HOSTILE_RULE(p->socket.others.count <= PEERS_MAX);
	HOSTILE_RULE(pvn_ivshmem_peer_there(p, p->number));
	for (uint32_t i = 0; i < p->vectors; i++)
		HOSTILE_RULE(peer_is_bell(p->bell[i]));
}

/* However full a bell is, ringing it does not wait. */
static void
ring(struct pvn_ivshmem_peer *p)
{
	const uint32_t number = hostile_u8(), vector = hostile_u8() % 40;
	const uint64_t before = pvn_ivshmem_peer_rung(p);
	int ret = pvn_ivshmem_peer_ring(p, number, vector);

	HOSTILE_RULE(ret == 0 || ret == -ENOENT || ret == -EAGAIN);
	HOSTILE_RULE(pvn_ivshmem_peer_rung(p) == before + (ret == 0));
}

static void
map(struct pvn_ivshmem_peer *p)
{
	const bool writable = hostile_u8() & 1;
	const bool mapped = p->map != NULL;
	const volatile char *at = pvn_ivshmem_peer_map(p, 0, writable);
	struct stat st;

	HOSTILE_RULE(at == NULL || !mapped);
	HOSTILE_RULE(at == NULL || !writable || !p->read_only);
	if (at != NULL && fstat(p->fd, &st) == 0 && st.st_size > 0)
		(void)at[0];
	if (hostile_u8() & 1)
		pvn_ivshmem_peer_unmap(p);
}

static void
use(struct pvn_ivshmem_peer *p)
{
	bool gone = false;
	int ret;

	while (hostile_more()) {
		switch (hostile_u8() % 4) {
		case 0:
			serve();
			break;
		case 1:
			ret = pvn_ivshmem_peer_look(p);
			HOSTILE_RULE(ret < 0 || !gone);
			gone = ret < 0;
			break;
		case 2:
			ring(p);
			break;
		default:
			map(p);
			break;
		}
		check(p);
	}
}

/* ---- */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct pvn_ivshmem_peer *p = NULL;
	unsigned int before;
	int ends[2], ret;

	limit_files(FILES_MAX);
	before = kit_open_files();
	hostile_input(data, bytes);
	HOSTILE_RULE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	server.sock = ends[0];
	fcntl(server.sock, F_SETFL, O_NONBLOCK); /* what does not fit is lost */
	server.peer_sock = ends[1];
	server.ms = server.waits = 0;
	for (int i = 0; i < BELLS; i++)
		server.bell[i] = eventfd(0, EFD_CLOEXEC);
	server.files = hostile_u8() & 1 ? FILES_FEW : FILES_MAX;
	limit_files(server.files);
	server.waiting = true;
	ret = pvn_ivshmem_peer_take(ends[1], &p);
	server.waiting = false;
	HOSTILE_RULE((ret == 0) == (p != NULL) && ret <= 0);
	HOSTILE_RULE(ret == 0 || pvn_ivshmem_why()[0] != '\0');
	if (ret == 0) {
		HOSTILE_RULE(p->vectors > 0);
		use(p);
	}
	pvn_ivshmem_peer_close(p);
	if (server.sock >= 0)
		hang_up();
	for (int i = 0; i < BELLS; i++)
		close(server.bell[i]);
	limit_files(FILES_MAX);
	HOSTILE_RULE(kit_open_files() == before);
	return 0;
}
