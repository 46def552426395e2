/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Who uses `local` dies, or does not behave: what the others see, and what the server keeps.
 */
#include "xen_local_kit.h"

#include <errno.h>
#include <local_wire.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE PVN_XEN_PAGE_SIZE
#define ALIVE 40 /* offset of the byte that tells of a death */

/* ---- deaths ---- */

struct offer {
	uint32_t ref;
	uint32_t refs[20];
	int port;
};

/* A guest with a ring page, a pool and an event channel. */
static void
offer(struct pvn_xen *x, int say, const void *arg)
{
	struct offer o;
	char *ring;
	char *pool;

	(void)arg;
	o.port = pvn_xen_event_alloc(x, 0);
	ring = pvn_xen_share_notify(x, 0, &o.ref, ALIVE, o.port);
	pool = pvn_xen_share(x, 0, 20, true, o.refs);
	if (ring == NULL || pool == NULL)
		abort();
	ring[ALIVE] = 1;
	ring[ALIVE + 1] = 1;
	strcpy(pool, "packet");
	kit_say(say, &o, sizeof(o));
}

static void
expect_event(struct pvn_xen *x, int port)
{
	kit_wait(pvn_xen_event_fd(x));
	assert_int_equal(pvn_xen_event_next(x), port);
}

static void
test_granter_killed(void **state)
{
	struct pvn_xen *host = kit_open(*state, 0);
	struct kit_child guest = kit_child(*state, 7, offer, NULL);
	struct offer o;
	volatile char *ring;
	char *pool;
	int port;

	kit_hear(&guest, &o, sizeof(o));
	ring = pvn_xen_map(host, 7, 1, true, &o.ref);
	pool = pvn_xen_map(host, 7, 20, true, o.refs);
	port = pvn_xen_event_bind(host, 7, o.port);
	expect_event(host, port);
	assert_int_equal(pvn_xen_event_unmask(host, port), 0);
	assert_int_equal(ring[ALIVE], 1);

	kit_kill(&guest);
	expect_event(host, port);
	assert_int_equal(ring[ALIVE], 0); /* before the event */
	assert_int_equal(ring[ALIVE + 1], 1);
	assert_string_equal(pool, "packet");
	memset(pool, 'x', 20 * PAGE);
	assert_int_equal(pvn_xen_event_notify(host, port), 0);
	assert_null(pvn_xen_map(host, 7, 1, true, &o.ref));
	pvn_xen_close(host);
}

struct offered {
	struct offer o;
	char *ring;
};

/* A host that maps what it is offered. */
static void
take(struct pvn_xen *x, int say, const void *arg)
{
	const struct offered *offered = arg;
	int port = pvn_xen_event_bind(x, 7, offered->o.port);
	char *ring = pvn_xen_map_notify(x, 7, offered->o.ref, ALIVE, port);

	if (ring == NULL)
		abort();
	ring[ALIVE] = 1;
	kit_say(say, "m", 1);
}

static void
test_mapper_killed(void **state)
{
	struct pvn_xen *guest = kit_open(*state, 7);
	struct offered offered;
	struct kit_child host;
	char said;

	offered.o.port = pvn_xen_event_alloc(guest, 0);
	offered.ring = pvn_xen_share(guest, 0, 1, true, &offered.o.ref);
	for (int i = 0; i < 3; i++) { /* the port can be bound again */
		volatile char *ring = offered.ring;

		host = kit_child(*state, 0, take, &offered);
		kit_hear(&host, &said, 1);
		assert_int_equal(ring[ALIVE], 1);
		assert_int_equal(pvn_xen_event_next(guest), -EAGAIN);
		kit_kill(&host);
		expect_event(guest, offered.o.port);
		assert_int_equal(ring[ALIVE], 0);
		assert_int_equal(pvn_xen_event_unmask(guest, offered.o.port), 0);
	}
	pvn_xen_close(guest);
}

/* The same without a death: unshare and unmap tell, too, even when the port was closed first. */
static void
test_let_go(void **state)
{
	struct pvn_xen *guest = kit_open(*state, 7);
	struct pvn_xen *host = kit_open(*state, 0);
	int front = pvn_xen_event_alloc(guest, 0);
	int back = pvn_xen_event_bind(host, 7, front);
	uint32_t ref;
	char *ours = pvn_xen_share_notify(guest, 0, &ref, 0, front);
	char *theirs = pvn_xen_map_notify(host, 7, ref, PAGE - 1, back);

	expect_event(host, back);
	assert_int_equal(pvn_xen_event_unmask(host, back), 0);
	memset(ours, 1, PAGE);
	pvn_xen_unmap(host, theirs, 1);
	assert_int_equal(ours[PAGE - 1], 0);
	assert_int_equal(ours[0], 1);
	expect_event(guest, front);
	assert_int_equal(pvn_xen_event_unmask(guest, front), 0);

	theirs = pvn_xen_map_notify(host, 7, ref, PAGE - 1, -1); /* a byte alone */
	pvn_xen_event_close(guest, front);
	pvn_xen_unshare(guest, ours, 1);
	expect_event(host, back);
	assert_int_equal(theirs[0], 0);
	pvn_xen_close(guest);
	pvn_xen_close(host);
}

/* By close, all at once and in order. */
static void
test_close(void **state)
{
	struct pvn_xen *guest = kit_open(*state, 7);
	struct pvn_xen *host = kit_open(*state, 0);
	int front = pvn_xen_event_alloc(guest, 0);
	int back = pvn_xen_event_bind(host, 7, front);
	uint32_t ref;
	char *ours = pvn_xen_share_notify(guest, 0, &ref, 9, front);
	char *theirs = pvn_xen_map(host, 7, 1, true, &ref);

	expect_event(host, back);
	assert_int_equal(pvn_xen_event_unmask(host, back), 0);
	ours[9] = 1;
	pvn_xen_close(guest);
	assert_int_equal(theirs[9], 0); /* when close returns */
	assert_int_equal(pvn_xen_event_next(host), back);
	pvn_xen_close(host);
}

static void
offer_silently(struct pvn_xen *x)
{
	uint32_t refs[20];
	uint32_t ref;
	int port = pvn_xen_event_alloc(x, 0);

	if (pvn_xen_share_notify(x, 0, &ref, ALIVE, port) == NULL ||
	    pvn_xen_share(x, 0, 20, true, refs) == NULL)
		abort();
}

static void
busy(struct pvn_xen *x, int say, const void *arg)
{
	uint32_t txn;

	if (pvn_xen_watch(x, "data", "t") < 0 || pvn_xen_txn_begin(x, &txn) < 0 ||
	    pvn_xen_write(x, txn, "data/x", "1", 1) < 0 ||
	    pvn_xen_write(x, 0, "data/y", "1", 1) < 0)
		abort();
	offer_silently(x);
	kit_say(say, arg, 1);
}

/* Two hundred guests come and are killed; nothing stays but their nodes. */
static void
test_no_leak(void **state)
{
	unsigned int before = 0;
	char said;

	for (int i = 0; i < 201; i++) {
		struct kit_child guest = kit_child(*state, 7, busy, "x");

		kit_hear(&guest, &said, 1);
		kit_kill(&guest);
		if (i == 0)
			before = kit_server_files(*state);
	}
	assert_int_equal(kit_server_files(*state), before);
}

/* ---- the end of a domain, and of the server ---- */

static void
test_domain_removed(void **state)
{
	struct pvn_xen *host = kit_open(*state, 0);
	struct pvn_xen *guest = kit_open(*state, 7);
	int front = pvn_xen_event_alloc(guest, 0);
	int back = pvn_xen_event_bind(host, 7, front);
	uint32_t ref;
	char *ours = pvn_xen_share_notify(guest, 0, &ref, 0, front);
	volatile char *theirs = pvn_xen_map(host, 7, 1, true, &ref);
	char *token;

	expect_event(host, back);
	assert_int_equal(pvn_xen_event_unmask(host, back), 0);
	ours[0] = 1;
	assert_int_equal(pvn_xen_watch(host, "@releaseDomain", "gone"), 0);
	kit_expect_watch(host, "gone", "@releaseDomain");
	assert_int_equal(pvn_xen_rm(host, 0, "/local/domain/7"), 0);
	kit_expect_watch(host, "gone", "@releaseDomain");
	assert_int_equal(theirs[0], 0);
	expect_event(host, back);

	/* Its processes are disconnected; what they have mapped is theirs until they close. */
	ours[0] = 2;
	assert_int_equal(theirs[0], 2);
	assert_null(pvn_xen_share(guest, 0, 1, true, &ref));
	assert_int_equal(errno, ECONNRESET);
	assert_non_null(strstr(pvn_xen_why(), "domain 7 was removed"));
	kit_wait(pvn_xen_watch_fd(guest));
	assert_int_equal(pvn_xen_watch_next(guest, &token, NULL), -ECONNRESET);
	pvn_xen_close(guest);
	pvn_xen_unmap(host, (char *)theirs, 1);

	/* The id can be used again. */
	guest = kit_open(*state, 7);
	kit_expect_value(guest, 0, "name", "local-7");
	pvn_xen_close(guest);
	pvn_xen_close(host);
}

static void
test_server_ends(void **state)
{
	struct kit *kit = *state;
	struct pvn_xen *guest = kit_open(kit, 7);
	struct pvn_xen *host = kit_open(kit, 0);
	int front = pvn_xen_event_alloc(guest, 0);
	int back = pvn_xen_event_bind(host, 7, front);
	uint32_t ref;
	char *ours = pvn_xen_share(guest, 0, 1, true, &ref);
	char *theirs = pvn_xen_map(host, 7, 1, true, &ref);

	kit_stop(kit);
	kit_start(kit, 0);
	strcpy(ours, "still");
	assert_string_equal(theirs, "still");
	assert_int_equal(pvn_xen_event_notify(guest, front), 0);
	expect_event(host, back);
	assert_int_equal(pvn_xen_write(guest, 0, "data/x", "1", 1), -ECONNRESET);
	assert_int_equal(pvn_xen_event_alloc(host, 7), -ECONNRESET);
	pvn_xen_unmap(host, theirs, 1);
	pvn_xen_close(host);
	pvn_xen_close(guest);
}

/* ---- the socket ---- */

static int
serve_here(const char *path)
{
	const struct pvn_xen_local_cfg cfg = {.path = path, .ready_fd = -1, .stop_fd = -1};

	return pvn_xen_local_serve(&cfg);
}

static void
test_socket(void **state)
{
	struct kit *kit = *state;
	char path[200];
	struct stat st;
	FILE *f;

	assert_int_equal(stat(kit->socket, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0600);
	assert_int_equal(serve_here(kit->socket), -EADDRINUSE);
	assert_non_null(strstr(pvn_xen_why(), kit->socket));

	/* What a killed server left is replaced. */
	assert_int_equal(kill(kit->server, SIGKILL), 0);
	assert_int_equal(waitpid(kit->server, NULL, 0), kit->server);
	close(kit->stop_fd);
	assert_int_equal(stat(kit->socket, &st), 0);
	kit_start(kit, 0);
	pvn_xen_close(kit_open(kit, 7));

	/* Anything else is not. */
	snprintf(path, sizeof(path), "%s/file", kit->folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(serve_here(path), -EEXIST);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(serve_here("/nonexistent/socket"), -ENOENT);
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(serve_here(path), -ENAMETOOLONG);
}

/* ---- clients that do not behave ---- */

static int
raw(const struct kit *kit)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(addr.sun_path, kit->socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void
expect_hang_up(int fd)
{
	char byte;

	kit_wait(fd);
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	close(fd);
}

static void
send_req(int fd, struct local_req req, const void *body)
{
	assert_int_equal(send(fd, &req, sizeof(req), MSG_NOSIGNAL), sizeof(req));
	if (req.len > 0)
		assert_int_equal(send(fd, body, req.len, MSG_NOSIGNAL), req.len);
}

/* They stay open, or the server would hang up. */
static void
recv_fds(int fd)
{
	char control[CMSG_SPACE(LOCAL_FD_GROUP * sizeof(int))];
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};

	assert_int_equal(recvmsg(fd, &msg, 0), 1);
}

static void
expect_status(int fd, int status)
{
	struct local_rep rep;
	char text[600];

	assert_int_equal(recv(fd, &rep, sizeof(rep), MSG_WAITALL), sizeof(rep));
	assert_int_equal(rep.status, status);
	assert_true(rep.len < sizeof(text));
	if (rep.len > 0)
		assert_int_equal(recv(fd, text, rep.len, MSG_WAITALL), rep.len);
	if (rep.fds > 0)
		recv_fds(fd);
}

static int
raw_guest(const struct kit *kit)
{
	int fd = raw(kit);

	send_req(fd, (struct local_req){.op = LOCAL_HELLO, .arg = {LOCAL_MAGIC, 9}}, NULL);
	expect_status(fd, 0);
	return fd;
}

static void
test_wrong_order(void **state)
{
	int fd = raw(*state);

	send_req(fd, (struct local_req){.op = LOCAL_SHARE, .arg = {0, 1, 1}}, NULL);
	expect_status(fd, -EPROTO);
	send_req(fd, (struct local_req){.op = LOCAL_OPS}, NULL);
	expect_status(fd, -EPROTO);
	send_req(fd, (struct local_req){.op = LOCAL_HELLO, .arg = {1, 9}}, NULL);
	expect_status(fd, -EPROTO);
	send_req(fd, (struct local_req){.op = LOCAL_HELLO, .arg = {LOCAL_MAGIC, 0x7FF0}}, NULL);
	expect_status(fd, -EINVAL);
	close(fd);
	fd = raw_guest(*state);
	send_req(fd, (struct local_req){.op = LOCAL_HELLO, .arg = {LOCAL_MAGIC, 0}}, NULL);
	expect_status(fd, -EPROTO); /* nobody becomes domain 0 later */
	close(fd);
}

static void
test_wrong_requests(void **state)
{
	static const struct {
		struct local_req req;
		const char *body;
		int status;
	} cases[] = {
		{{.op = LOCAL_MAP, .len = 4, .arg = {0, 2, 0, LOCAL_NO_NOTIFY}}, "abcd", -EINVAL},
		{{.op = LOCAL_MAP, .len = 0, .arg = {0, 0, 0, LOCAL_NO_NOTIFY}}, "", -EINVAL},
		{{.op = LOCAL_MAP, .len = 4, .arg = {0, 0x40000001, 0}}, "abcd", -EINVAL},
		{{.op = LOCAL_MAP, .len = 4, .arg = {0x10000, 1, 0}}, "abcd", -EINVAL},
		{{.op = LOCAL_SHARE, .arg = {0, 0, 0, LOCAL_NO_NOTIFY}}, "", -EINVAL},
		{{.op = LOCAL_SHARE, .arg = {0, UINT32_MAX, 0}}, "", -EINVAL},
		{{.op = LOCAL_SHARE, .arg = {0, 1, 0, 4096, LOCAL_NO_PORT}}, "", -EINVAL},
		{{.op = LOCAL_SHARE, .arg = {0, 1, 0, 0, 77}}, "", -EINVAL},
		{{.op = LOCAL_UNSHARE, .arg = {8}}, "", -EINVAL},
		{{.op = LOCAL_UNMAP, .arg = {0}}, "", -EINVAL},
		{{.op = LOCAL_EVENT_CLOSE, .arg = {UINT32_MAX}}, "", -EINVAL},
		{{.op = LOCAL_EVENT_ALLOC, .arg = {UINT32_MAX}}, "", -EINVAL},
		{{.op = LOCAL_WRITE, .len = 6}, "data/x", -EINVAL},
		{{.op = LOCAL_READ, .len = 4}, "a\0bc", -EINVAL},
		{{.op = LOCAL_READ, .len = 0}, "", -EINVAL},
		{{.op = LOCAL_SET_PERMS, .len = 4, .arg = {65}}, "abcd", -EINVAL},
		{{.op = LOCAL_SET_PERMS, .len = 4, .arg = {2}}, "abcd", -EINVAL},
		{{.op = LOCAL_SET_PERMS, .len = 4, .arg = {1}}, "abcd", -EINVAL},
		{{.op = LOCAL_TXN_END, .txn = 5, .arg = {1}}, "", -ENOENT},
		{{.op = LOCAL_UNWATCH, .arg = {5}}, "", -ENOENT},
	};
	int fd = raw_guest(*state);

	for (size_t i = 0; i < PVN_DIM(cases); i++) {
		print_message("case: %zu\n", i);
		send_req(fd, cases[i].req, cases[i].body);
		expect_status(fd, cases[i].status);
	}
	close(fd);
}

static void
test_garbage(void **state)
{
	unsigned int seed = 1;
	char bytes[4096];

	for (int i = 0; i < 50; i++) {
		int fd = i % 2 == 0 ? raw(*state) : raw_guest(*state);

		for (size_t b = 0; b < sizeof(bytes); b++)
			bytes[b] = rand_r(&seed);
		if (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0 && i % 4 < 2)
			expect_hang_up(fd); /* such lengths are refused */
		else
			close(fd);
	}
	for (int op = 0; op < LOCAL_OPS; op++) { /* every request, with nonsense in it */
		int fd = raw_guest(*state);

		for (int i = 0; i < 50; i++) {
			struct local_req req = {.op = op, .len = rand_r(&seed) % 64};

			for (int a = 0; a < 5; a++)
				req.arg[a] = rand_r(&seed) >> rand_r(&seed) % 32;
			if (send(fd, &req, sizeof(req), MSG_NOSIGNAL) < 0 ||
			    send(fd, bytes, req.len, MSG_NOSIGNAL) < 0)
				break;
		}
		close(fd);
	}
	pvn_xen_close(kit_open(*state, 7));
}

/* Half a request stalls nobody; nor does one who asks on and on without reading. */
static void
test_stall(void **state)
{
	struct local_req req = {.op = LOCAL_LIST, .len = 1};
	int half = raw(*state);
	int deaf = raw_guest(*state);
	struct pvn_xen *x;

	assert_int_equal(send(half, &req, 7, MSG_NOSIGNAL), 7);
	while (send(deaf, "....", 4, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		;
	close(deaf);
	deaf = raw_guest(*state);
	req = (struct local_req){.op = LOCAL_EVENT_ALLOC, .arg = {0}};
	for (int i = 0; i < 100000; i++)
		if (send(deaf, &req, sizeof(req), MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof(req))
			break;
	x = kit_open(*state, 7);
	for (int i = 0; i < 100; i++)
		kit_expect_value(x, 0, "domid", "7");
	pvn_xen_close(x);
	close(half);
	close(deaf);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_begin, kit_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_granter_killed), TEST(test_mapper_killed), TEST(test_let_go),
		TEST(test_close),	   TEST(test_no_leak),	     TEST(test_domain_removed),
		TEST(test_server_ends),	   TEST(test_socket),	     TEST(test_wrong_order),
		TEST(test_wrong_requests), TEST(test_garbage),	     TEST(test_stall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
