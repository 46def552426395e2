/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The ivshmem server: with clients that behave, with others that do not, and with none that lives.
 */
#include "ivshmem_server_kit.h"

#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "server.h"

static int
connect_raw(const char *to)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, to);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* The next message; its descriptor, or -1, in *fd. */
static int64_t
receive(int from, int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	int64_t value;
	struct iovec iov = {&value, sizeof(value)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};

	assert_true(kit_readable(from));
	assert_int_equal(recvmsg(from, &msg, MSG_CMSG_CLOEXEC), sizeof(value));
	*fd = -1;
	if (CMSG_FIRSTHDR(&msg) != NULL)
		memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(*fd));
	return value;
}

/* ---- who behaves ---- */

static void
check_bell(struct pvn_ivshmem_peer *from, struct pvn_ivshmem_peer *to, uint32_t vector)
{
	uint64_t rung;

	assert_int_equal(pvn_ivshmem_peer_ring(from, pvn_ivshmem_peer_number(to), vector), 0);
	assert_true(kit_readable(pvn_ivshmem_peer_bell(to, vector)));
	assert_int_equal(read(pvn_ivshmem_peer_bell(to, vector), &rung, 8), 8);
	assert_int_equal(rung, 1);
}

static void
test_host_and_guests(void **state)
{
	struct pvn_ivshmem_server *s = serve(4, 2);
	struct pvn_ivshmem_peer *a = open_peer(spec), *host = open_peer(host_spec),
				*b = open_peer(spec);
	struct pvn_ivshmem_client who[4];
	char *ours, *theirs;

	(void)state;
	assert_int_equal(pvn_ivshmem_peer_number(host), 0);
	assert_int_equal(pvn_ivshmem_peer_number(a), 1);
	assert_int_equal(pvn_ivshmem_peer_number(b), 2);
	assert_int_equal(pvn_ivshmem_peer_vectors(a), 4);
	assert_int_equal(pvn_ivshmem_peer_size(a), SIZE);
	wait_there(a, 0, true);
	wait_there(a, 2, true);
	wait_there(host, 2, true);
	assert_true(pvn_ivshmem_peer_there(b, 0) && pvn_ivshmem_peer_there(b, 1));
	for (uint32_t v = 0; v < 4; v++) {
		check_bell(host, a, v);
		check_bell(b, host, v);
		check_bell(b, a, v);
	}
	ours = pvn_ivshmem_peer_map(host, 0, true);
	theirs = pvn_ivshmem_peer_map(b, 0, true);
	strcpy(ours + SIZE - 10, "shared");
	assert_string_equal(theirs + SIZE - 10, "shared");
	assert_int_equal(pvn_ivshmem_server_clients(s, who, 4), 3);
	assert_int_equal(who[0].number, 0);
	assert_int_equal(who[2].number, 2);
	assert_int_equal(who[2].pid, getpid());
	pvn_ivshmem_peer_close(a);
	wait_there(host, 1, false);
	wait_there(b, 1, false);
	a = open_peer(spec);
	assert_int_equal(pvn_ivshmem_peer_number(a), 3); /* never a number of the dead */
	/* Whoever is the host, guests have one peer 0 with the same bells all the time. */
	pvn_ivshmem_peer_close(host);
	wait_clients(s, 2);
	assert_int_equal(pvn_ivshmem_peer_ring(b, 0, 3), 0);
	host = open_peer(host_spec);
	assert_true(pvn_ivshmem_peer_there(b, 0));
	assert_true(kit_readable(pvn_ivshmem_peer_bell(host, 3))); /* rung while it was away */
	check_bell(b, host, 0);
	check_bell(host, a, 1);
	assert_int_equal(pvn_ivshmem_peer_look(b), 1); /* the new a, nothing else */
	pvn_ivshmem_server_free(s);
	assert_true(kit_readable(pvn_ivshmem_peer_event_fd(b)));
	while (pvn_ivshmem_peer_look(b) >= 0)
		;
	assert_string_equal(theirs + SIZE - 10, "shared"); /* memory outlives the server */
	pvn_ivshmem_peer_close(a);
	pvn_ivshmem_peer_close(b);
	pvn_ivshmem_peer_close(host);
}

/* QEMU stands still until it has these; nobody may change the size. */
static void
test_greeting(void **state)
{
	static const int64_t want[] = {0, 1, -1, 0, 0, 1, 1};
	struct pvn_ivshmem_server *s = serve(2, 2);
	int c = connect_raw(path), fd;

	(void)state;
	for (size_t i = 0; i < PVN_DIM(want); i++) {
		assert_int_equal(receive(c, &fd), want[i]);
		assert_int_equal(fd >= 0, i >= 2);
		if (i == 2) {
			assert_int_equal(ftruncate(fd, SIZE / 2), -1);
			assert_int_equal(errno, EPERM);
			assert_int_equal(ftruncate(fd, SIZE * 2), -1);
		}
		if (fd >= 0)
			close(fd);
	}
	close(c);
	pvn_ivshmem_server_free(s);
}

/* An application that runs the server itself, in its own loop. */
static void
test_connect(void **state)
{
	struct pvn_ivshmem_server_cfg cfg = {.name = "test", .size = SIZE, .guests = 1};
	struct pvn_ivshmem_server *s;
	struct pvn_ivshmem_peer *host, *guest;
	int sock;

	(void)state;
	assert_int_equal(pvn_ivshmem_server_new(&cfg, &s), 0);
	assert_int_equal(pvn_ivshmem_peer_take(pvn_ivshmem_server_connect(s, true), &host), 0);
	assert_int_equal(pvn_ivshmem_peer_take(pvn_ivshmem_server_connect(s, false), &guest), 0);
	assert_int_equal(pvn_ivshmem_server_connect(s, true), -EBUSY);
	assert_int_equal(pvn_ivshmem_server_connect(s, false), -EBUSY);
	assert_non_null(strstr(pvn_ivshmem_why(), "1 guests"));
	wait_there(host, 1, true);
	check_bell(guest, host, 0);
	pvn_ivshmem_peer_close(guest);
	sock = pvn_ivshmem_server_connect(s, false); /* its death has not been seen yet */
	assert_true(sock >= 0);
	close(sock);
	assert_true(kit_readable(pvn_ivshmem_server_fd(s)));
	pvn_ivshmem_server_run(s);
	wait_there(host, 2, false);
	pvn_ivshmem_peer_close(host);
	pvn_ivshmem_server_free(s);
}

/* ---- who does not ---- */

static void
test_who_speaks_is_dropped(void **state)
{
	struct pvn_ivshmem_server *s = serve(1, 4);
	struct pvn_ivshmem_peer *host = open_peer(host_spec);
	struct pvn_ivshmem_server_stats stats;
	int c = connect_raw(path), bell = eventfd(0, EFD_CLOEXEC);

	(void)state;
	wait_there(host, 1, true);
	kit_send_part(c, 0, 0, 8, bell, 200);
	wait_there(host, 1, false);
	pvn_ivshmem_server_stats(s, &stats);
	assert_int_equal(stats.came, 2);
	assert_int_equal(stats.dropped, 1);
	close(c);
	close(bell);
	pvn_ivshmem_peer_close(host);
	pvn_ivshmem_server_free(s);
}

static void
test_full(void **state)
{
	struct pvn_ivshmem_server *s = serve(1, 2);
	struct pvn_ivshmem_peer *a = open_peer(spec), *b = open_peer(spec),
				*host = open_peer(host_spec), *none = NULL;

	(void)state;
	assert_int_equal(pvn_ivshmem_peer_open(spec, &none), -EBUSY);
	assert_int_equal(pvn_ivshmem_peer_open(host_spec, &none), -EBUSY);
	pvn_ivshmem_peer_close(a);
	pvn_ivshmem_peer_close(host);
	a = open_peer(spec); /* the places are free at once */
	host = open_peer(host_spec);
	pvn_ivshmem_peer_close(a);
	pvn_ivshmem_peer_close(b);
	pvn_ivshmem_peer_close(host);
	pvn_ivshmem_server_free(s);
}

/* Whoever is accepted before the end of the one before was looked at has its place all the same. */
static void
test_place_of_the_dead(void **state)
{
	struct pvn_ivshmem_server_cfg cfg = {
		.name = "test", .size = SIZE, .guests = 1, .path = path};
	struct pvn_ivshmem_server *s;
	int before, after, fd;

	(void)state;
	assert_int_equal(pvn_ivshmem_server_new(&cfg, &s), 0);
	before = connect_raw(path);
	pvn_ivshmem_server_run(s);
	after = connect_raw(path); /* this event comes first */
	close(before);
	pvn_ivshmem_server_run(s);
	assert_int_equal(receive(after, &fd), 0);
	assert_int_equal(receive(after, &fd), 2);
	close(after);
	pvn_ivshmem_server_free(s);
}

/* All numbers have been used: the next ones are those that nobody has. */
static void
test_numbers_wrap(void **state)
{
	struct pvn_ivshmem_server_cfg cfg = {.name = "test", .size = SIZE, .guests = 2};
	struct pvn_ivshmem_client who[3];
	struct pvn_ivshmem_server *s;
	int first, next;

	(void)state;
	assert_int_equal(pvn_ivshmem_server_new(&cfg, &s), 0);
	first = pvn_ivshmem_server_connect(s, false);
	s->last_number = IVSHMEM_PEER_MAX;
	next = pvn_ivshmem_server_connect(s, false);
	assert_true(next >= 0);
	assert_int_equal(pvn_ivshmem_server_clients(s, who, 3), 2);
	assert_int_equal(who[0].number, 1);
	assert_int_equal(who[1].number, 2);
	close(first);
	close(next);
	pvn_ivshmem_server_free(s);
}

/* One that reads nothing while others come and go: it stands in nobody's way, and when it reads at
 * last it learns how things are, not all that has been.
 */
static void
test_who_does_not_read(void **state)
{
	struct pvn_ivshmem_server *s = serve(8, 100);
	int deaf = connect_raw(path), others[60];
	struct pvn_ivshmem_peer *p, *last;

	(void)state;
	wait_clients(s, 1);
	for (size_t i = 0; i < PVN_DIM(others); i++)
		others[i] = connect_raw(path);
	wait_clients(s, 61);
	for (int i = 0; i < 20; i++)
		pvn_ivshmem_peer_close(open_peer(spec));
	for (size_t i = 0; i < PVN_DIM(others); i++)
		close(others[i]);
	wait_clients(s, 1);
	last = open_peer(spec);
	assert_int_equal(pvn_ivshmem_peer_take(deaf, &p), 0);
	wait_there(p, pvn_ivshmem_peer_number(last), true);
	for (uint32_t i = 2; i < pvn_ivshmem_peer_number(last); i++)
		assert_false(pvn_ivshmem_peer_there(p, i));
	assert_int_equal(pvn_ivshmem_peer_vectors(p), 8);
	pvn_ivshmem_peer_close(p);
	pvn_ivshmem_peer_close(last);
	pvn_ivshmem_server_free(s);
}

/* A process that is killed is seen at once. [H51, the transport of it] */
static void
test_killed(void **state)
{
	struct pvn_ivshmem_server *s = serve(1, 4);
	struct pvn_ivshmem_peer *host = open_peer(host_spec);
	struct timespec from, to;
	double ms;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		struct pvn_ivshmem_peer *p;

		pvn_ivshmem_peer_open(spec, &p);
		pause();
		_exit(0);
	}
	wait_there(host, 1, true);
	clock_gettime(CLOCK_MONOTONIC, &from);
	kill(child, SIGKILL);
	wait_there(host, 1, false);
	clock_gettime(CLOCK_MONOTONIC, &to);
	ms = (to.tv_sec - from.tv_sec) * 1e3 + (to.tv_nsec - from.tv_nsec) / 1e6;
	print_message("a dead guest was seen after %.2f ms\n", ms);
	assert_true(ms < 1000);
	waitpid(child, NULL, 0);
	pvn_ivshmem_peer_close(host);
	pvn_ivshmem_server_free(s);
}

/* No descriptor is left: whoever comes is turned away, and it goes on when there are some again. */
static void
test_out_of_files(void **state)
{
	struct pvn_ivshmem_server_cfg cfg = {.name = "test", .size = SIZE, .path = path};
	struct rlimit before, limit;
	struct pvn_ivshmem_server *s;
	int c, fd, fds[64], count = 0;

	(void)state;
	assert_int_equal(pvn_ivshmem_server_new(&cfg, &s), 0);
	c = connect_raw(path);
	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	limit.rlim_cur = 64;
	setrlimit(RLIMIT_NOFILE, &limit);
	while (count < 64 && (fds[count] = dup(0)) >= 0)
		count++;
	assert_true(kit_readable(pvn_ivshmem_server_fd(s)));
	pvn_ivshmem_server_run(s);
	while (count > 0)
		close(fds[--count]);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_true(kit_readable(c));
	assert_int_equal(read(c, &fd, 1), 0);
	close(c);
	c = connect_raw(path);
	pvn_ivshmem_server_run(s);
	assert_int_equal(receive(c, &fd), 0);
	close(c);
	pvn_ivshmem_server_free(s);
}

/* ---- the host's page ---- */

static void
check_host_page(bool header, uint32_t want)
{
	const uint64_t state_at = IVSHMEM_HOST_PAGE + offsetof(struct ivshmem_host_page, state);
	struct pvn_ivshmem_server *s = serve(1, 1);
	struct pvn_ivshmem_peer *host = open_peer(host_spec), *guest = open_peer(spec);
	char *map = pvn_ivshmem_peer_map(host, 0, true);
	char *view = pvn_ivshmem_peer_map(guest, 0, false);
	pvn_le64 magic = pvn_cpu_to_le64(IVSHMEM_MAGIC);
	pvn_le32 page = pvn_cpu_to_le32(IVSHMEM_PRESENT);

	if (header)
		memcpy(map, &magic, sizeof(magic));
	memcpy(map + state_at, &page, sizeof(page));
	pvn_ivshmem_peer_close(host);
	wait_clients(s, 1);
	memcpy(&page, view + state_at, sizeof(page));
	assert_int_equal(pvn_le32_to_cpu(page), want);
	pvn_ivshmem_peer_close(guest);
	pvn_ivshmem_server_free(s);
}

static void
test_host_absent(void **state)
{
	(void)state;
	check_host_page(true, IVSHMEM_ABSENT);
	check_host_page(false, IVSHMEM_PRESENT); /* not our memory to write to */
}

static int
run(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(test_host_and_guests),
		KIT_TEST(test_greeting),
		KIT_TEST(test_connect),
		KIT_TEST(test_who_speaks_is_dropped),
		KIT_TEST(test_full),
		KIT_TEST(test_place_of_the_dead),
		KIT_TEST(test_numbers_wrap),
		KIT_TEST(test_who_does_not_read),
		KIT_TEST(test_killed),
		KIT_TEST(test_out_of_files),
		KIT_TEST(test_host_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
	return kit_run(run);
}
