/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Arguments, pages and event channels of `local`. Domain 0 maps what domain 7 shares, unless said
 * otherwise.
 */
#include "xen_local_kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE PVN_XEN_PAGE_SIZE

/* ---- open ---- */

static const struct {
	const char *spec;
	int error;
} bad_specs[] = {
	{"", EINVAL},
	{"xenn", EINVAL},
	{"local", EINVAL},
	{"local:", EINVAL},
	{"local:/a", EINVAL},
	{"local::5", EINVAL},
	{"local:/a:", EINVAL},
	{"local:/a:-1", EINVAL},
	{"local:/a:5x", EINVAL},
	{"local:/a: 5", EINVAL},
	{"local:/a:32752", EINVAL},
	{"local:/a:99999999999999999999", EINVAL},
	{"local:/nonexistent/socket:5", ENOENT},
};

static void
test_open_errors(void **state)
{
	struct pvn_xen *x = (struct pvn_xen *)state;
	char spec[300];

	for (size_t i = 0; i < PVN_DIM(bad_specs); i++) {
		print_message("case: %s\n", bad_specs[i].spec);
		errno = 0;
		assert_int_equal(pvn_xen_open(bad_specs[i].spec, &x), -bad_specs[i].error);
		assert_int_equal(errno, bad_specs[i].error);
		assert_true(strlen(pvn_xen_why()) > 10);
		assert_ptr_equal(x, state); /* untouched */
	}
	assert_non_null(strstr(pvn_xen_why(), "pvnctl local serve /nonexistent/socket"));
	assert_int_equal(pvn_xen_open(NULL, &x), -EINVAL);
	assert_int_equal(pvn_xen_open("xen", NULL), -EINVAL);
	memset(spec, 'a', sizeof(spec));
	memcpy(spec, "local:", 6);
	strcpy(spec + sizeof(spec) - 3, ":1");
	assert_int_equal(pvn_xen_open(spec, &x), -ENAMETOOLONG);
	strcpy(spec + 6 + 110, ":1"); /* fits our buffer, not a socket address */
	assert_int_equal(pvn_xen_open(spec, &x), -ENAMETOOLONG);
	pvn_xen_close(NULL);
}

/* ---- pages ---- */

static void
test_share_map(void **state)
{
	struct pvn_xen *guest = kit_open(*state, 7);
	struct pvn_xen *host = kit_open(*state, 0);
	uint32_t refs[100];
	char *ours = pvn_xen_share(guest, 0, 100, true, refs);
	char *theirs;

	assert_non_null(ours);
	for (size_t i = 0; i < 100 * PAGE; i++)
		if (ours[i] != 0)
			fail();
	for (int i = 0; i < 100; i++) {
		assert_true(refs[i] >= 8); /* those below are reserved */
		for (int j = 0; j < i; j++)
			assert_true(refs[i] != refs[j]);
	}
	theirs = pvn_xen_map(host, 7, 100, true, refs);
	assert_non_null(theirs);
	for (int i = 0; i < 100; i++)
		ours[i * PAGE + i] = i + 1;
	for (int i = 0; i < 100; i++)
		assert_int_equal(theirs[i * PAGE + i], i + 1);
	theirs[5] = 'x';
	assert_int_equal(ours[5], 'x');
	pvn_xen_unmap(host, theirs, 99); /* not what was mapped: nothing happens */
	assert_int_equal(theirs[5], 'x');
	pvn_xen_unmap(host, theirs, 100);
	pvn_xen_unshare(guest, ours, 100);
	assert_null(pvn_xen_map(host, 7, 100, true, refs));
	assert_int_equal(errno, EINVAL);
	pvn_xen_close(host);
	pvn_xen_close(guest);
}

/* Any order, across shares, with repeats: page i of the map is the page of refs[i]. */
static void
test_map_order(void **state)
{
	struct pvn_xen *guest = kit_open(*state, 7);
	struct pvn_xen *host = kit_open(*state, 0);
	uint32_t *page[3];
	uint32_t refs[3][50];
	uint32_t list[400];
	uint32_t want[400];
	uint32_t *map;
	unsigned int seed = 1;

	for (int s = 0; s < 3; s++) {
		page[s] = pvn_xen_share(guest, 0, 50, s != 1, refs[s]);
		assert_non_null(page[s]);
		for (int i = 0; i < 50; i++)
			page[s][i * (PAGE / 4)] = 100 * s + i;
	}
	for (int i = 0; i < 400; i++) {
		int s = rand_r(&seed) % 3;
		int p = rand_r(&seed) % 50;

		list[i] = refs[s][p];
		want[i] = 100 * s + p;
	}
	map = pvn_xen_map(host, 7, 400, false, list);
	assert_non_null(map);
	for (int i = 0; i < 400; i++)
		assert_int_equal(map[i * (PAGE / 4)], want[i]);
	assert_null(pvn_xen_map(host, 7, 400, true, list)); /* share 1 is read-only */
	pvn_xen_close(host);
	pvn_xen_close(guest);
}

/* A driver's pool, and a map of it backwards, in which no two pages can be mapped at once. */
static void
test_many_pages(void **state)
{
	enum { PAGES = 16384 };
	struct pvn_xen *guest = kit_open(*state, 7);
	struct pvn_xen *host = kit_open(*state, 0);
	uint32_t *refs = malloc(PAGES * sizeof(*refs));
	uint32_t *back = malloc(PAGES * sizeof(*refs));
	char *ours = pvn_xen_share(guest, 0, PAGES, true, refs);
	char *theirs;

	assert_non_null(ours);
	for (int i = 0; i < PAGES; i++) {
		ours[i * PAGE] = i % 251;
		back[PAGES - 1 - i] = refs[i];
	}
	theirs = pvn_xen_map(host, 7, PAGES, true, refs);
	assert_non_null(theirs);
	for (int i = 0; i < PAGES; i++)
		assert_int_equal((unsigned char)theirs[i * PAGE], i % 251);
	pvn_xen_unmap(host, theirs, PAGES);
	theirs = pvn_xen_map(host, 7, PAGES, false, back);
	assert_non_null(theirs);
	for (int i = 0; i < PAGES; i++)
		assert_int_equal((unsigned char)theirs[(PAGES - 1 - i) * PAGE], i % 251);
	pvn_xen_close(host);
	pvn_xen_unshare(guest, ours, PAGES);
	pvn_xen_close(guest);
	free(refs);
	free(back);
}

/* Descriptors travel in groups of 250: 600 shares are three. */
static void
test_many_shares(void **state)
{
	enum { SHARES = 600 };
	struct pvn_xen *guest = kit_open(*state, 7);
	struct pvn_xen *host = kit_open(*state, 0);
	uint32_t refs[SHARES];
	char *map;

	for (int i = 0; i < SHARES; i++) {
		char *page = pvn_xen_share(guest, 0, 1, true, &refs[i]);

		assert_non_null(page);
		page[1] = i % 127;
	}
	map = pvn_xen_map(host, 7, SHARES, true, refs);
	assert_non_null(map);
	for (int i = 0; i < SHARES; i++)
		assert_int_equal(map[i * PAGE + 1], i % 127);
	pvn_xen_close(guest);
	map[0] = 'x'; /* still there */
	pvn_xen_close(host);
}

static void
test_refused(void **state)
{
	struct pvn_xen *guest = kit_open(*state, 7);
	struct pvn_xen *host = kit_open(*state, 0);
	struct pvn_xen *other = kit_open(*state, 8);
	uint32_t refs[4];
	uint32_t one;
	void *ours = pvn_xen_share(guest, 0, 3, false, refs);
	void *map;

	assert_non_null(ours);
	assert_null(pvn_xen_map(other, 7, 3, false, refs)); /* not for domain 8 */
	assert_non_null(strstr(pvn_xen_why(), "not for domain 8"));
	assert_null(pvn_xen_map(host, 8, 3, false, refs)); /* not domain 8's */
	assert_null(pvn_xen_map(host, 9, 3, false, refs)); /* there is none */
	assert_null(pvn_xen_map(host, 7, 3, true, refs));  /* read-only */
	assert_non_null(strstr(pvn_xen_why(), "read-only"));
	assert_null(pvn_xen_map_notify(host, 7, refs[0], 0, -1));
	refs[3] = refs[2] + 1;
	assert_null(pvn_xen_map(host, 7, 4, false, refs)); /* one is wrong: none */
	assert_int_equal(errno, EINVAL);
	one = UINT32_MAX;
	assert_null(pvn_xen_map(host, 7, 1, false, &one));
	one = 0;
	assert_null(pvn_xen_map(host, 7, 1, false, &one));
	assert_null(pvn_xen_map(guest, 7, 3, false, refs)); /* not even the granter itself */

	/* Read-only means it. */
	map = pvn_xen_map(host, 7, 3, false, refs);
	assert_non_null(map);
	assert_int_equal(mprotect(map, 3 * PAGE, PROT_READ | PROT_WRITE), -1);
	pvn_xen_close(other);
	pvn_xen_close(host);
	pvn_xen_close(guest);
}

static void
test_arguments(void **state)
{
	struct pvn_xen *x = kit_open(*state, 7);
	uint32_t *refs = calloc(65537, sizeof(*refs));
	struct pvn_xen_limits limits;

	assert_null(pvn_xen_share(NULL, 0, 1, true, refs));
	assert_null(pvn_xen_share(x, 0, 0, true, refs));
	assert_null(pvn_xen_share(x, 0, 1, true, NULL));
	assert_null(pvn_xen_share(x, 0x7FF0, 1, true, refs));
	assert_null(pvn_xen_share(x, 0, UINT32_MAX, true, refs));
	assert_null(pvn_xen_share_notify(x, 0, refs, PAGE, -1));
	assert_null(pvn_xen_share_notify(x, 0, NULL, 0, -1));
	assert_null(pvn_xen_share_notify(x, 0, refs, 0, 3)); /* no such port */
	assert_null(pvn_xen_map(x, 0, 0, true, refs));
	assert_null(pvn_xen_map(x, 0, 1, true, NULL));
	assert_null(pvn_xen_map(x, 0, 65537, true, refs));
	assert_null(pvn_xen_map_notify(x, 0, 8, PAGE, -1));
	assert_int_equal(errno, EINVAL);
	pvn_xen_unshare(x, NULL, 1);
	pvn_xen_unshare(x, refs, 1);
	pvn_xen_unmap(x, refs, 1);
	pvn_xen_limits(x, &limits);
	assert_int_equal(limits.share_pages, PVN_XEN_LOCAL_SHARE_PAGES);
	assert_int_equal(limits.map_pages, 65536);
	assert_int_equal(pvn_xen_event_alloc(NULL, 0), -EINVAL);
	assert_int_equal(pvn_xen_event_alloc(x, 0x7FF0), -EINVAL);
	assert_int_equal(pvn_xen_event_bind(x, 0x7FF0, 1), -EINVAL);
	assert_int_equal(pvn_xen_event_notify(x, -1), -EINVAL);
	assert_int_equal(pvn_xen_event_notify(x, 1), -ENOTCONN);
	assert_int_equal(pvn_xen_event_unmask(x, 1), -ENOTCONN);
	pvn_xen_event_close(x, 1);
	pvn_xen_event_close(x, -1);
	free(refs);
	pvn_xen_close(x);
}

/* Pages that a peer still has mapped count, as they do in gntalloc. */
static void
test_limit(void **state)
{
	struct pvn_xen *guest = kit_open(*state, 7);
	struct pvn_xen *second = kit_open(*state, 7);
	struct pvn_xen *host = kit_open(*state, 0);
	uint32_t refs[KIT_SMALL + 1];
	struct pvn_xen_limits limits;
	void *ours;
	void *map;

	pvn_xen_limits(guest, &limits);
	assert_int_equal(limits.share_pages, KIT_SMALL);
	assert_null(pvn_xen_share(guest, 0, KIT_SMALL + 1, true, refs));
	assert_int_equal(errno, ENOSPC);
	ours = pvn_xen_share(guest, 0, KIT_SMALL - 10, true, refs);
	assert_non_null(ours);
	assert_null(pvn_xen_share(second, 0, 11, true, refs));
	assert_int_equal(errno, ENOSPC);
	assert_non_null(strstr(pvn_xen_why(), "shares 90 of at most 100"));
	map = pvn_xen_map(host, 7, 1, true, refs);
	assert_non_null(map);
	pvn_xen_unshare(guest, ours, KIT_SMALL - 10);
	assert_null(pvn_xen_share(second, 0, 11, true, refs));
	pvn_xen_unmap(host, map, 1);
	assert_non_null(pvn_xen_share(second, 0, KIT_SMALL, true, refs));
	assert_non_null(pvn_xen_share(host, 7, KIT_SMALL, true, refs)); /* each domain its own */
	pvn_xen_close(host);
	pvn_xen_close(second);
	pvn_xen_close(guest);
}

/* ---- events ---- */

static void
expect_event(struct pvn_xen *x, int port)
{
	kit_wait(pvn_xen_event_fd(x));
	assert_int_equal(pvn_xen_event_next(x), port);
}

static void
test_events(void **state)
{
	struct pvn_xen *guest = kit_open(*state, 7);
	struct pvn_xen *host = kit_open(*state, 0);
	int front = pvn_xen_event_alloc(guest, 0);
	int back = pvn_xen_event_bind(host, 7, front);

	assert_true(front > 0);
	assert_true(back > 0);
	expect_event(host, back); /* as in Xen: earlier ones may have been lost */
	assert_int_equal(pvn_xen_event_next(host), -EAGAIN);
	assert_int_equal(pvn_xen_event_next(guest), -EAGAIN);
	assert_int_equal(pvn_xen_event_unmask(host, back), 0);
	kit_nothing(pvn_xen_event_fd(host));

	for (int i = 0; i < 3; i++) {
		assert_int_equal(pvn_xen_event_notify(guest, front), 0);
		assert_int_equal(pvn_xen_event_notify(guest, front), 0); /* one event */
		expect_event(host, back);
		assert_int_equal(pvn_xen_event_next(host), -EAGAIN);
		/* Masked: noted, but not told. */
		assert_int_equal(pvn_xen_event_notify(guest, front), 0);
		kit_nothing(pvn_xen_event_fd(host));
		assert_int_equal(pvn_xen_event_next(host), -EAGAIN);
		assert_int_equal(pvn_xen_event_unmask(host, back), 0);
		expect_event(host, back);
		assert_int_equal(pvn_xen_event_unmask(host, back), 0);
		kit_nothing(pvn_xen_event_fd(host));
	}
	assert_int_equal(pvn_xen_event_notify(host, back), 0);
	expect_event(guest, front);
	pvn_xen_close(host);
	pvn_xen_close(guest);
}

static void
test_event_bind(void **state)
{
	struct pvn_xen *guest = kit_open(*state, 7);
	struct pvn_xen *host = kit_open(*state, 0);
	struct pvn_xen *other = kit_open(*state, 8);
	int front = pvn_xen_event_alloc(guest, 0);
	int back;

	assert_int_equal(pvn_xen_event_bind(other, 7, front), -EINVAL); /* not for domain 8 */
	assert_int_equal(pvn_xen_event_bind(host, 7, front + 1), -EINVAL);
	assert_int_equal(pvn_xen_event_bind(host, 9, front), -EINVAL);
	assert_int_equal(pvn_xen_event_bind(host, 7, UINT32_MAX), -EINVAL);
	back = pvn_xen_event_bind(host, 7, front);
	assert_true(back > 0);
	assert_int_equal(pvn_xen_event_bind(host, 7, front), -EINVAL); /* bound already */

	/* The peer closes: nothing happens to who notifies, and another may bind. */
	pvn_xen_event_close(host, back);
	assert_int_equal(pvn_xen_event_notify(host, back), -ENOTCONN);
	assert_int_equal(pvn_xen_event_notify(guest, front), 0);
	back = pvn_xen_event_bind(host, 7, front);
	assert_true(back > 0);
	expect_event(host, back);
	assert_int_equal(pvn_xen_event_notify(host, back), 0);
	expect_event(guest, front);

	/* Who made the port closes. */
	pvn_xen_event_close(guest, front);
	assert_int_equal(pvn_xen_event_notify(host, back), 0);
	assert_int_equal(pvn_xen_event_bind(host, 7, front), -EINVAL);
	pvn_xen_close(guest);
	assert_int_equal(pvn_xen_event_notify(host, back), 0);
	pvn_xen_close(other);
	pvn_xen_close(host);
}

static void
test_many_ports(void **state)
{
	struct pvn_xen *guest = kit_open(*state, 7);
	int port = 0;
	int count = 0;

	/* The server may have fewer open files than that. */
	while ((port = pvn_xen_event_alloc(guest, 0)) > 0 && count < 300) {
		count++;
		assert_int_equal(port, count);
	}
	assert_int_equal(count, 300);
	pvn_xen_event_close(guest, 17);
	assert_int_equal(pvn_xen_event_alloc(guest, 0), 17); /* the lowest free one, as in Xen */
	pvn_xen_close(guest);
}

/* An event that was on its way when its port was closed is not told. */
static void
test_event_of_closed_port(void **state)
{
	struct pvn_xen *guest = kit_open(*state, 7);
	struct pvn_xen *host = kit_open(*state, 0);
	int front = pvn_xen_event_alloc(guest, 0);
	int back = pvn_xen_event_bind(host, 7, front);

	assert_int_equal(pvn_xen_event_notify(guest, front), 0);
	pvn_xen_event_close(host, back);
	assert_int_equal(pvn_xen_event_next(host), -EAGAIN);
	kit_nothing(pvn_xen_event_fd(host));
	pvn_xen_close(host);
	pvn_xen_close(guest);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_begin, kit_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_errors),
		TEST(test_share_map),
		TEST(test_map_order),
		TEST(test_many_pages),
		TEST(test_many_shares),
		TEST(test_refused),
		TEST(test_arguments),
		cmocka_unit_test_setup_teardown(test_limit, kit_begin_small, kit_end),
		TEST(test_events),
		TEST(test_event_bind),
		TEST(test_many_ports),
		TEST(test_event_of_closed_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
