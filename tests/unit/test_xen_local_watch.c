/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Watches of `local`, and domains that begin and end in its store: host is domain 0, guest domain
 * 7, other 8.
 */
#include "xen_local_kit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- watches ---- */

static void
test_watch(void **state)
{
	struct kit_domains d = kit_open_all(state);
	uint32_t t;

	assert_int_equal(pvn_xen_watch(d.host, "/a/b", "tok en"), 0);
	kit_expect_watch(d.host, "tok en", "/a/b"); /* at once, though there is no such node */
	kit_no_watch(d.host);
	assert_int_equal(pvn_xen_watch(d.host, "/a/b", "tok en"), -EEXIST);
	assert_int_equal(kit_put(d.host, 0, "/a", "1"), 0);
	kit_no_watch(d.host);
	assert_int_equal(kit_put(d.host, 0, "/a/b", "1"), 0);
	kit_expect_watch(d.host, "tok en", "/a/b");
	assert_int_equal(kit_put(d.host, 0, "/a/b", "1"), 0); /* the same value is a change, too */
	kit_expect_watch(d.host, "tok en", "/a/b");
	assert_int_equal(kit_put(d.host, 0, "/a/b/c/d", "1"), 0);
	kit_expect_watch(d.host, "tok en", "/a/b/c/d");
	assert_int_equal(kit_put(d.host, 0, "/a/bc", "1"), 0);
	assert_int_equal(pvn_xen_mkdir(d.host, 0, "/a/b"), 0); /* nothing happened */
	assert_int_equal(pvn_xen_rm(d.host, 0, "/a/b/none"), 0);
	kit_no_watch(d.host);
	assert_int_equal(kit_chmod(d.host, 0, "/a/b/c", "r7"), 0);
	kit_expect_watch(d.host, "tok en", "/a/b/c");
	assert_int_equal(pvn_xen_rm(d.host, 0, "/a/b/c"), 0);
	kit_expect_watch(d.host, "tok en", "/a/b/c");
	assert_int_equal(pvn_xen_rm(d.host, 0, "/a"), 0); /* with all that is in it */
	kit_expect_watch(d.host, "tok en", "/a/b");
	assert_int_equal(pvn_xen_rm(d.host, 0, "/a"), 0);
	kit_no_watch(d.host);

	/* In a transaction: at its end, once for each node. */
	assert_int_equal(pvn_xen_txn_begin(d.host, &t), 0);
	assert_int_equal(kit_put(d.host, t, "/a/b/1", "1"), 0);
	assert_int_equal(kit_put(d.host, t, "/a/b/2", "1"), 0);
	assert_int_equal(kit_put(d.host, t, "/a/b/1", "2"), 0);
	kit_no_watch(d.host);
	assert_int_equal(pvn_xen_txn_end(d.host, t, true), 0);
	kit_expect_watch(d.host, "tok en", "/a/b/1");
	kit_expect_watch(d.host, "tok en", "/a/b/2");
	kit_no_watch(d.host);

	/* An unwatch also takes what was on its way. */
	assert_int_equal(kit_put(d.host, 0, "/a/b", "1"), 0);
	assert_int_equal(pvn_xen_unwatch(d.host, "/a/b", "tok en"), 0);
	kit_no_watch(d.host);
	assert_int_equal(pvn_xen_unwatch(d.host, "/a/b", "tok en"), -ENOENT);
	assert_int_equal(kit_put(d.host, 0, "/a/b", "1"), 0);
	kit_no_watch(d.host);
	kit_close_all(&d);
}

static void
test_watch_relative(void **state)
{
	struct kit_domains d = kit_open_all(state);
	char *token;

	assert_int_equal(pvn_xen_watch(d.guest, "data", "rel"), 0);
	kit_expect_watch(d.guest, "rel", "data");
	assert_int_equal(pvn_xen_watch(d.guest, "/local/domain/7/data", "abs"), 0);
	kit_expect_watch(d.guest, "abs", "/local/domain/7/data");
	assert_int_equal(kit_put(d.host, 0, "/local/domain/7/data/x", "1"), 0);
	kit_expect_watch(d.guest, "rel", "data/x");
	kit_expect_watch(d.guest, "abs", "/local/domain/7/data/x");
	assert_int_equal(kit_put(d.guest, 0, "data/y", "1"), 0);
	kit_wait(pvn_xen_watch_fd(d.guest));
	assert_int_equal(pvn_xen_watch_next(d.guest, &token, NULL), 0); /* no path wanted */
	assert_string_equal(token, "rel");
	free(token);
	assert_int_equal(pvn_xen_watch(NULL, "data", "x"), -EINVAL);
	assert_int_equal(pvn_xen_watch(d.guest, "data", NULL), -EINVAL);
	assert_int_equal(pvn_xen_watch_next(d.guest, NULL, NULL), -EINVAL);
	kit_close_all(&d);
}

/* Who may not read a node is not told of it. */
static void
test_watch_permission(void **state)
{
	struct kit_domains d = kit_open_all(state);

	assert_int_equal(pvn_xen_watch(d.guest, "/", "t"), 0);
	kit_expect_watch(d.guest, "t", "/");
	assert_int_equal(kit_put(d.host, 0, "/secret/x", "1"), 0);
	assert_int_equal(kit_put(d.other, 0, "data/x", "1"), 0);
	kit_no_watch(d.guest);
	assert_int_equal(kit_chmod(d.host, 0, "/secret/x", "n0 r7"), 0);
	kit_expect_watch(d.guest, "t", "/secret/x");
	assert_int_equal(kit_put(d.host, 0, "/secret/x", "2"), 0);
	kit_expect_watch(d.guest, "t", "/secret/x");
	assert_int_equal(kit_chmod(d.host, 0, "/secret/x", "n0"), 0); /* the last it hears */
	kit_expect_watch(d.guest, "t", "/secret/x");
	assert_int_equal(pvn_xen_rm(d.host, 0, "/secret"), 0);
	kit_no_watch(d.guest);
	kit_close_all(&d);
}

static void
test_watch_quota(void **state)
{
	struct kit_domains d = kit_open_all(state);
	char token[16];

	for (int i = 0; i < 129; i++) { /* xenstored refuses when there are more than 128 */
		sprintf(token, "%d", i);
		assert_int_equal(pvn_xen_watch(d.guest, "data", token), 0);
		assert_int_equal(pvn_xen_watch(d.host, "data", token), 0);
	}
	assert_int_equal(pvn_xen_watch(d.guest, "data", "more"), -E2BIG);
	assert_int_equal(pvn_xen_watch(d.host, "data", "more"), 0);
	assert_int_equal(pvn_xen_unwatch(d.guest, "data", "5"), 0);
	assert_int_equal(pvn_xen_watch(d.guest, "data", "more"), 0);
	kit_close_all(&d);
}

/* A watcher that does not look holds little memory of the server, and is told enough in the end. */
static void
test_watch_flood(void **state)
{
	struct kit_domains d = kit_open_all(state);
	char path[64];
	bool seen_last = false;
	bool seen_top = false;
	int events = 0;

	assert_int_equal(pvn_xen_watch(d.guest, "/flood", "t"), 0);
	assert_int_equal(pvn_xen_mkdir(d.host, 0, "/flood"), 0);
	assert_int_equal(kit_chmod(d.host, 0, "/flood", "r0"), 0);
	for (int i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "/flood/%d", i);
		assert_int_equal(kit_put(d.host, 0, path, "1"), 0);
	}
	for (int i = 0; i < 500; i++) /* known already: nothing more */
		assert_int_equal(kit_put(d.host, 0, "/flood/1", "1"), 0);
	for (;;) {
		struct pollfd p = {.fd = pvn_xen_watch_fd(d.guest), .events = POLLIN};
		char *token;
		char *got;

		/* The server refills before it answers. */
		if (pvn_xen_watch_next(d.guest, &token, &got) < 0) {
			kit_expect_value(d.guest, 0, "domid", "7");
			if (poll(&p, 1, 0) == 0)
				break;
			continue;
		}
		seen_top |= events > 100 && strcmp(got, "/flood") == 0;
		seen_last |= strcmp(got, "/flood/1") == 0;
		events++;
		free(token);
		free(got);
	}
	print_message("%d events\n", events);
	assert_true(seen_last);
	assert_true(seen_top);
	assert_true(events < 1800);
	kit_close_all(&d);
}

/* ---- domains ---- */

static void
test_special_watches(void **state)
{
	struct kit_domains d = kit_open_all(state);
	struct pvn_xen *x;

	assert_int_equal(pvn_xen_watch(d.host, "@introduceDomain", "new"), 0);
	kit_expect_watch(d.host, "new", "@introduceDomain");
	assert_int_equal(pvn_xen_watch(d.guest, "@introduceDomain", "new"), 0);
	kit_expect_watch(d.guest, "new", "@introduceDomain");
	x = kit_open(*state, 9);
	kit_expect_watch(d.host, "new", "@introduceDomain");
	kit_no_watch(d.guest); /* not for everybody */
	pvn_xen_close(x);
	pvn_xen_close(kit_open(*state, 9)); /* is there already */
	kit_no_watch(d.host);
	kit_expect_perms(d.host, "@introduceDomain", "n0");
	assert_int_equal(kit_chmod(d.guest, 0, "@introduceDomain", "r0"), -EACCES);
	assert_int_equal(kit_chmod(d.host, 0, "@introduceDomain", "n0 r7"), 0);

	/* Domain 0 makes a home: a domain begins. */
	assert_int_equal(kit_put(d.host, 0, "/local/domain/10/device/x", "1"), 0);
	kit_expect_watch(d.host, "new", "@introduceDomain");
	kit_expect_watch(d.guest, "new", "@introduceDomain");
	kit_expect_value(d.host, 0, "/local/domain/10/domid", "10");
	assert_int_equal(pvn_xen_mkdir(d.host, 0, "/local/domain/no-number"), 0);
	assert_int_equal(pvn_xen_mkdir(d.host, 0, "/local/domain/011"), 0);
	kit_no_watch(d.host);
	kit_close_all(&d);
}

/* What a domain owned goes with it, wherever it was, and its connections. */
static void
test_domain_ends(void **state)
{
	struct kit_domains d = kit_open_all(state);

	assert_int_equal(pvn_xen_mkdir(d.host, 0, "/p"), 0);
	assert_int_equal(kit_chmod(d.host, 0, "/p", "b0"), 0);
	assert_int_equal(kit_put(d.guest, 0, "/p/guest/x", "1"), 0);
	assert_int_equal(kit_put(d.other, 0, "/p/other", "1"), 0);
	assert_int_equal(pvn_xen_watch(d.host, "/p/guest", "t"), 0);
	kit_expect_watch(d.host, "t", "/p/guest");
	assert_int_equal(pvn_xen_watch(d.host, "@releaseDomain", "gone"), 0);
	kit_expect_watch(d.host, "gone", "@releaseDomain");

	/* A process that ends is no domain that ends. */
	pvn_xen_close(d.guest);
	kit_expect_value(d.host, 0, "/p/guest/x", "1");
	kit_no_watch(d.host);
	d.guest = kit_open(*state, 7);

	assert_int_equal(pvn_xen_rm(d.host, 0, "/local/domain/7"), 0);
	kit_expect_watch(d.host, "t", "/p/guest");
	kit_expect_watch(d.host, "gone", "@releaseDomain");
	kit_expect_names(d.host, "/p", "other");
	assert_int_equal(kit_probe(d.guest, "domid"), -ECONNRESET);
	assert_int_equal(pvn_xen_rm(d.host, 0, "/local/domain/0"), 0); /* stays connected */
	assert_int_equal(kit_probe(d.host, "/p"), 0);
	kit_close_all(&d);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_begin, kit_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_watch),	TEST(test_watch_relative), TEST(test_watch_permission),
		TEST(test_watch_quota), TEST(test_watch_flood),	   TEST(test_special_watches),
		TEST(test_domain_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
