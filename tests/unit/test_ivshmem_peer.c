/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Peers of IVSHMEM memory: files, and servers that say what a script says. Whatever a server says,
 * no file stays open, which is checked after each test.
 */
#include "ivshmem_kit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "pvn_ivshmem_peer.h"

#define SIZE (1u << 20)

enum kind {
	NONE,
	MEMORY,
	BELL,
	BELLS,	   /* two in one message */
	MANY,	   /* 250 */
	PIPE,	   /* neither memory nor bell */
	ODD_MEMORY /* not whole pages */
};

struct step {
	int64_t value;
	enum kind with;
};

static unsigned int files_before;

static int
setup(void **state)
{
	(void)state;
	files_before = kit_open_files();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	assert_int_equal(kit_open_files(), files_before);
	return 0;
}

static void
send_step(int to, const struct step *step)
{
	int fd = -1, other = -1;
	unsigned int count = step->with == NONE ? 0 : step->with == BELLS ? 2 : 1;

	if (step->with == MEMORY || step->with == ODD_MEMORY)
		fd = kit_memory(step->with == MEMORY ? SIZE : SIZE - 1);
	if (step->with == BELL || step->with == BELLS || step->with == MANY)
		fd = eventfd(0, EFD_CLOEXEC);
	if (step->with == PIPE) {
		int ends[2];

		assert_int_equal(pipe(ends), 0);
		fd = ends[1];
		other = ends[0];
	}
	if (step->with == MANY)
		count = 250;
	assert_true(kit_send_part(to, step->value, 0, 8, fd, count) == 8 || errno == EPIPE);
	if (fd >= 0)
		close(fd);
	if (other >= 0)
		close(other);
}

/* A peer of a server that has said this much; *server is its end. */
static int
take(const struct step *steps, size_t count, int *server, struct pvn_ivshmem_peer **p)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	for (size_t i = 0; i < count; i++)
		send_step(ends[0], &steps[i]);
	*server = ends[0];
	return pvn_ivshmem_peer_take(ends[1], p);
}

static const struct step greeting[] = {
	{0, NONE}, {5, NONE}, {-1, MEMORY}, {0, BELL}, {0, BELL}, {7, BELL}, {5, BELL}, {5, BELL},
};

/* ---- good servers ---- */

static void
test_greeting(void **state)
{
	struct pvn_ivshmem_peer *p;
	int server;

	(void)state;
	assert_int_equal(take(greeting, PVN_DIM(greeting), &server, &p), 0);
	assert_int_equal(pvn_ivshmem_peer_size(p), SIZE);
	assert_int_equal(pvn_ivshmem_peer_number(p), 5);
	assert_int_equal(pvn_ivshmem_peer_vectors(p), 2);
	assert_true(pvn_ivshmem_peer_fd(p) >= 0);
	assert_true(pvn_ivshmem_peer_bell(p, 1) >= 0);
	assert_int_equal(pvn_ivshmem_peer_bell(p, 2), -1);
	assert_true(pvn_ivshmem_peer_there(p, 0));
	assert_true(pvn_ivshmem_peer_there(p, 5));
	assert_true(pvn_ivshmem_peer_there(p, 7));
	assert_false(pvn_ivshmem_peer_there(p, 1));
	assert_int_equal(pvn_ivshmem_peer_ring(p, 0, 1), 0);
	assert_int_equal(pvn_ivshmem_peer_ring(p, 0, 2), -ENOENT);
	assert_int_equal(pvn_ivshmem_peer_ring(p, 1, 0), -ENOENT);
	assert_int_equal(pvn_ivshmem_peer_ring(p, 70000, 0), -ENOENT);
	assert_int_equal(pvn_ivshmem_peer_look(p), 0);
	pvn_ivshmem_peer_close(p);
	close(server);
}

static void
test_come_and_go(void **state)
{
	static const struct step news[] = {{9, BELL}, {9, BELL}, {7, NONE}, {7, NONE}, {9, BELL}};
	struct pvn_ivshmem_peer *p;
	int server;

	(void)state;
	assert_int_equal(take(greeting, PVN_DIM(greeting), &server, &p), 0);
	for (size_t i = 0; i < PVN_DIM(news); i++)
		send_step(server, &news[i]);
	assert_true(kit_readable(pvn_ivshmem_peer_event_fd(p)));
	assert_int_equal(pvn_ivshmem_peer_look(p), 2);
	assert_false(pvn_ivshmem_peer_there(p, 7));
	assert_true(pvn_ivshmem_peer_there(p, 9));
	assert_int_equal(pvn_ivshmem_peer_ring(p, 7, 0), -ENOENT);
	assert_int_equal(pvn_ivshmem_peer_ring(p, 9, 2), 0);
	close(server);
	assert_true(kit_readable(pvn_ivshmem_peer_event_fd(p)));
	assert_int_equal(pvn_ivshmem_peer_look(p), -ENODEV);
	assert_int_equal(pvn_ivshmem_peer_look(p), -ENODEV);
	assert_true(pvn_ivshmem_peer_there(p, 9)); /* as far as anybody knows */
	pvn_ivshmem_peer_close(p);
}

/* Bells ring both ways, and the counter of one that nobody reads never blocks us. */
static void
test_bells(void **state)
{
	const uint64_t full = UINT64_MAX - 1;
	struct pvn_ivshmem_peer *p;
	int bell = eventfd(0, EFD_CLOEXEC);
	uint64_t rung = 0;
	int server;

	(void)state;
	assert_int_equal(take(greeting, PVN_DIM(greeting), &server, &p), 0);
	kit_send(server, 3, bell);
	kit_send(server, 5, bell); /* a third one of ours */
	assert_int_equal(pvn_ivshmem_peer_look(p), 1);
	assert_int_equal(pvn_ivshmem_peer_vectors(p), 3);
	assert_int_equal(pvn_ivshmem_peer_ring(p, 3, 0), 0);
	assert_true(kit_readable(pvn_ivshmem_peer_bell(p, 2)));
	assert_int_equal(read(pvn_ivshmem_peer_bell(p, 2), &rung, 8), 8);
	assert_int_equal(rung, 1);
	assert_int_equal(read(bell, &rung, 8), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(write(bell, &full, 8), 8);
	assert_int_equal(pvn_ivshmem_peer_ring(p, 3, 0), 0);
	pvn_ivshmem_peer_close(p);
	close(bell);
	close(server);
}

static void
test_map(void **state)
{
	const uint64_t base = UINT64_C(0x200000000000);
	struct pvn_ivshmem_peer *p, *q;
	int server, other;
	char *map, *view;

	(void)state;
	assert_int_equal(take(greeting, PVN_DIM(greeting), &server, &p), 0);
	assert_int_equal(take(greeting, PVN_DIM(greeting), &other, &q), 0);
	map = pvn_ivshmem_peer_map(p, base, true);
	assert_ptr_equal(map, (void *)base);
	assert_null(pvn_ivshmem_peer_map(p, 0, true));
	assert_int_equal(errno, EALREADY);
	strcpy(map, "ours");
	assert_null(pvn_ivshmem_peer_map(q, base, true));
	assert_int_equal(errno, EEXIST);
	assert_non_null(strstr(pvn_ivshmem_why(), "0x200000000000"));
	assert_string_equal(map, "ours"); /* what was there stayed */
	view = pvn_ivshmem_peer_map(q, 0, false);
	assert_non_null(view);
	assert_string_equal(view, "");
	pvn_ivshmem_peer_close(p);
	pvn_ivshmem_peer_close(q);
	close(server);
	close(other);
}

/* Messages may arrive in pieces. */
static void
test_pieces(void **state)
{
	struct pvn_ivshmem_peer *p;
	int bell = eventfd(0, EFD_CLOEXEC);
	int server;

	(void)state;
	assert_int_equal(take(greeting, PVN_DIM(greeting), &server, &p), 0);
	kit_send_part(server, 6, 0, 3, bell, 1);
	assert_int_equal(pvn_ivshmem_peer_look(p), 0);
	kit_send_part(server, 6, 3, 5, -1, 0);
	assert_int_equal(pvn_ivshmem_peer_look(p), 1);
	kit_send_part(server, 6, 0, 3, bell, 1); /* and never the rest */
	assert_int_equal(pvn_ivshmem_peer_look(p), 0);
	pvn_ivshmem_peer_close(p);
	close(bell);
	close(server);
}

/* ---- bad servers ---- */

static void
test_bad_greetings(void **state)
{
	static const struct {
		const char *name;
		int error;
		const char *why;
		struct step steps[5];
		unsigned int count;
	} cases[] = {
		{"hangs up at once", EBUSY, "at once", {{0, NONE}}, 0},
		{"other version", EPROTO, "version 1 ", {{1, NONE}}, 1},
		{"version with memory", EPROTO, "version 0", {{0, MEMORY}}, 1},
		{"hangs up then", EPROTO, "middle", {{0, NONE}}, 1},
		{"number too large", EPROTO, "65536", {{0, NONE}, {65536, NONE}}, 2},
		{"number negative", EPROTO, "-5", {{0, NONE}, {-5, NONE}}, 2},
		{"number huge", EPROTO, "-9223", {{0, NONE}, {INT64_MIN, NONE}}, 2},
		{"number with a bell", EPROTO, "number 1", {{0, NONE}, {1, BELL}}, 2},
		{"no memory", EPROTO, "without", {{0, NONE}, {1, NONE}, {-1, NONE}}, 3},
		{"a peer for memory", EPROTO, "sent 1", {{0, NONE}, {1, NONE}, {1, BELL}}, 3},
		{"a pipe", EPROTO, "mapped", {{0, NONE}, {1, NONE}, {-1, PIPE}}, 3},
		{"an eventfd", EPROTO, "mapped", {{0, NONE}, {1, NONE}, {-1, BELL}}, 3},
		{"odd memory", EPROTO, "1048575", {{0, NONE}, {1, NONE}, {-1, ODD_MEMORY}}, 3},
		{"two at a time",
		 EPROTO,
		 "2 desc",
		 {{0, NONE}, {1, NONE}, {-1, MEMORY}, {1, BELLS}},
		 4},
		{"250 at a time", EPROTO, "desc", {{0, NONE}, {1, NONE}, {-1, MANY}}, 3},
		{"no eventfd",
		 EPROTO,
		 "no eventfd",
		 {{0, NONE}, {1, NONE}, {-1, MEMORY}, {1, PIPE}},
		 4},
		{"peer out of range",
		 EPROTO,
		 "65536",
		 {{0, NONE}, {1, NONE}, {-1, MEMORY}, {65536, BELL}},
		 4},
		{"memory twice",
		 EPROTO,
		 "-1",
		 {{0, NONE}, {1, NONE}, {-1, MEMORY}, {-1, MEMORY}},
		 4},
		{"we are gone", EPROTO, "gone", {{0, NONE}, {1, NONE}, {-1, MEMORY}, {1, NONE}}, 4},
		{"hangs up last", EPROTO, "middle", {{0, NONE}, {1, NONE}, {-1, MEMORY}}, 3},
	};

	(void)state;
	for (size_t i = 0; i < PVN_DIM(cases); i++) {
		struct pvn_ivshmem_peer *p = NULL;
		int ends[2];

		print_message("case: %s\n", cases[i].name);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
		for (unsigned int k = 0; k < cases[i].count; k++)
			send_step(ends[0], &cases[i].steps[k]);
		close(ends[0]);
		assert_int_equal(pvn_ivshmem_peer_take(ends[1], &p), -cases[i].error);
		assert_int_equal(errno, cases[i].error);
		assert_null(p);
		assert_non_null(strstr(pvn_ivshmem_why(), cases[i].why));
		assert_int_equal(kit_open_files(), files_before);
	}
}

static void
test_bad_news(void **state)
{
	static const struct step cases[] = {
		{-1, MEMORY}, {-2, NONE},	 {65536, BELL}, {65536, NONE}, {5, NONE},
		{3, PIPE},    {INT64_MAX, BELL}, {3, BELLS},	{3, MANY},
	};

	(void)state;
	for (size_t i = 0; i < PVN_DIM(cases); i++) {
		struct pvn_ivshmem_peer *p;
		int server;

		print_message("case: %zu\n", i);
		assert_int_equal(take(greeting, PVN_DIM(greeting), &server, &p), 0);
		send_step(server, &cases[i]);
		assert_true(pvn_ivshmem_peer_look(p) < 0);
		assert_int_equal(pvn_ivshmem_peer_look(p), -ENODEV);
		assert_true(pvn_ivshmem_peer_map(p, 0, true) != NULL);
		pvn_ivshmem_peer_close(p);
		close(server);
		assert_int_equal(kit_open_files(), files_before);
	}
}

/* More peers than anybody has: refused at a bound. */
static void
test_flood_of_peers(void **state)
{
	struct pvn_ivshmem_peer *p;
	struct step step = {100, BELL};
	int server, ret = 0;

	(void)state;
	assert_int_equal(take(greeting, PVN_DIM(greeting), &server, &p), 0);
	for (; step.value < 1000 && ret >= 0; step.value++) {
		send_step(server, &step);
		ret = pvn_ivshmem_peer_look(p);
	}
	assert_int_equal(ret, -EPROTO);
	assert_in_range(step.value, 200, 400);
	pvn_ivshmem_peer_close(p);
	close(server);
}

/* Bells of one peer without end: what we cannot count is closed. */
static void
test_flood_of_bells(void **state)
{
	struct pvn_ivshmem_peer *p;
	unsigned int files;
	int server;

	(void)state;
	assert_int_equal(take(greeting, PVN_DIM(greeting), &server, &p), 0);
	files = kit_open_files();
	for (int i = 0; i < 500; i++) {
		send_step(server, &(struct step){7, BELL});
		send_step(server, &(struct step){5, BELL});
		assert_int_equal(pvn_ivshmem_peer_look(p), 0);
	}
	assert_int_equal(kit_open_files(), files + 31 + 30);
	assert_int_equal(pvn_ivshmem_peer_vectors(p), IVSHMEM_VECTORS_MAX);
	assert_int_equal(pvn_ivshmem_peer_ring(p, 7, 31), 0);
	assert_int_equal(pvn_ivshmem_peer_ring(p, 7, 32), -ENOENT);
	pvn_ivshmem_peer_close(p);
	close(server);
}

static void *
talk(void *arg)
{
	const int *server = arg;

	while (kit_send(*server, 77, -1) == 8)
		;
	return NULL;
}

/* A server that never stops talking: a look ends, and so does open. */
static void
test_endless(void **state)
{
	struct pvn_ivshmem_peer *p;
	pthread_t thread;
	int server;

	(void)state;
	assert_int_equal(take(greeting, PVN_DIM(greeting), &server, &p), 0);
	assert_int_equal(pthread_create(&thread, NULL, talk, &server), 0);
	for (int i = 0; i < 20; i++) {
		assert_true(kit_readable(pvn_ivshmem_peer_event_fd(p)));
		assert_int_equal(pvn_ivshmem_peer_look(p), 0);
	}
	pvn_ivshmem_peer_close(p);
	pthread_join(thread, NULL);
	close(server);
}

/* No file can be opened any more: an error, and nothing is lost. */
static void
test_out_of_files(void **state)
{
	struct rlimit before, limit;
	struct pvn_ivshmem_peer *p;
	int server;

	(void)state;
	assert_int_equal(take(greeting, PVN_DIM(greeting), &server, &p), 0);
	send_step(server, &(struct step){8, BELL});
	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	limit.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(pvn_ivshmem_peer_look(p), -EMFILE);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_non_null(strstr(pvn_ivshmem_why(), "ulimit"));
	pvn_ivshmem_peer_close(p);
	close(server);
}

/* One that says nothing more is waited for, not for ever. */
static void
test_silence(void **state)
{
	struct pvn_ivshmem_peer *p = NULL;
	int server;

	(void)state;
	assert_int_equal(take(greeting, 2, &server, &p), -ETIMEDOUT);
	assert_non_null(strstr(pvn_ivshmem_why(), "the memory"));
	close(server);
}

/* Ringing threads and a control thread that adds and removes: for the thread sanitizer, too. */
struct ringer {
	struct pvn_ivshmem_peer *p;
	bool stop;
	uint64_t rung;
};

static void *
ring(void *arg)
{
	struct ringer *r = arg;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED))
		r->rung += pvn_ivshmem_peer_ring(r->p, 9, 0) == 0;
	return NULL;
}

static void
test_ring_while_they_come_and_go(void **state)
{
	struct ringer r = {0};
	pthread_t thread;
	int server;

	(void)state;
	assert_int_equal(take(greeting, PVN_DIM(greeting), &server, &r.p), 0);
	assert_int_equal(pthread_create(&thread, NULL, ring, &r), 0);
	for (int i = 0; i < 2000; i++) {
		send_step(server, &(struct step){9, i % 2 == 0 ? BELL : NONE});
		assert_int_equal(pvn_ivshmem_peer_look(r.p), 1);
	}
	__atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	pvn_ivshmem_peer_close(r.p);
	close(server);
}

/* ---- where it comes from ---- */

static void
test_specs(void **state)
{
	static const struct {
		const char *spec;
		int error;
		const char *why;
	} cases[] = {
		{"", EINVAL, "expected"},
		{"socket", EINVAL, "expected"},
		{"sock:/x", EINVAL, "expected"},
		{"socket:", EINVAL, "path"},
		{"socket:/nowhere/at/all", ENOENT, "no server"},
		{"file:/nowhere", ENOENT, "/nowhere"},
		{"file:/dev/null", EPROTO, "/dev/null"},
		{"file:/tmp", EISDIR, "/tmp"},
	};
	char spec[200] = "socket:";

	(void)state;
	for (size_t i = 0; i < PVN_DIM(cases); i++) {
		struct pvn_ivshmem_peer *p = NULL;

		print_message("case: %s\n", cases[i].spec);
		assert_int_equal(pvn_ivshmem_peer_open(cases[i].spec, &p), -cases[i].error);
		assert_null(p);
		assert_non_null(strstr(pvn_ivshmem_why(), cases[i].why));
	}
	memset(spec + 7, 'x', 120);
	assert_int_equal(pvn_ivshmem_peer_open(spec, &(struct pvn_ivshmem_peer *){NULL}), -EINVAL);
	assert_int_equal(pvn_ivshmem_peer_open(NULL, NULL), -EINVAL);
	pvn_ivshmem_peer_close(NULL);
}

static void
test_file(void **state)
{
	char path[] = "/tmp/pvn-ivshmem-XXXXXX", spec[64];
	struct pvn_ivshmem_peer *p;
	int fd = mkstemp(path);
	char *map;

	(void)state;
	snprintf(spec, sizeof(spec), "file:%s", path);
	assert_int_equal(pvn_ivshmem_peer_open(spec, &p), -EPROTO); /* empty */
	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_int_equal(pvn_ivshmem_peer_open(spec, &p), 0);
	assert_int_equal(pvn_ivshmem_peer_size(p), SIZE);
	assert_int_equal(pvn_ivshmem_peer_number(p), 0);
	assert_int_equal(pvn_ivshmem_peer_vectors(p), 0);
	assert_int_equal(pvn_ivshmem_peer_event_fd(p), -1);
	assert_int_equal(pvn_ivshmem_peer_look(p), 0);
	assert_int_equal(pvn_ivshmem_peer_ring(p, 0, 0), -ENOTSUP);
	assert_true(pvn_ivshmem_peer_there(p, 0));
	map = pvn_ivshmem_peer_map(p, 0, true);
	assert_non_null(map);
	map[SIZE - 1] = 'x';
	assert_int_equal(pread(fd, spec, 1, SIZE - 1), 1);
	assert_int_equal(spec[0], 'x');
	pvn_ivshmem_peer_close(p);
	close(fd);
	unlink(path);
}

struct listener {
	int fd;
	int accepted;
};

static void *
accept_one(void *arg)
{
	struct listener *l = arg;

	l->accepted = accept(l->fd, NULL, NULL);
	for (size_t i = 0; i < PVN_DIM(greeting); i++)
		send_step(l->accepted, &greeting[i]);
	return NULL;
}

static void
test_socket_path(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct listener l = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	struct pvn_ivshmem_peer *p;
	char spec[128];
	pthread_t thread;

	(void)state;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/tmp/pvn-ivshmem-%d", getpid());
	snprintf(spec, sizeof(spec), "socket:%s", addr.sun_path);
	assert_int_equal(bind(l.fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(pvn_ivshmem_peer_open(spec, &p), -ENOENT); /* nobody listens */
	assert_int_equal(listen(l.fd, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, accept_one, &l), 0);
	assert_int_equal(pvn_ivshmem_peer_open(spec, &p), 0);
	pthread_join(thread, NULL);
	assert_int_equal(pvn_ivshmem_peer_number(p), 5);
	pvn_ivshmem_peer_close(p);
	close(l.accepted);
	close(l.fd);
	unlink(addr.sun_path);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_greeting),
		TEST(test_come_and_go),
		TEST(test_bells),
		TEST(test_map),
		TEST(test_pieces),
		TEST(test_bad_greetings),
		TEST(test_bad_news),
		TEST(test_flood_of_peers),
		TEST(test_flood_of_bells),
		TEST(test_endless),
		TEST(test_out_of_files),
		TEST(test_silence),
		TEST(test_ring_while_they_come_and_go),
		TEST(test_specs),
		TEST(test_file),
		TEST(test_socket_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
