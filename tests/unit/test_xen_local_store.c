/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Nodes, permissions, transactions and quotas of `local`: host is domain 0, guest domain 7,
 * other 8. What is expected here is what xenstored 4.17 answered to the same calls.
 */
#include "xen_local_kit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- nodes ---- */

static void
test_nodes(void **state)
{
	struct kit_domains d = kit_open_all(state);
	struct pvn_xen *x = d.host;
	char *value = NULL;
	char **names = NULL;

	assert_int_equal(pvn_xen_write(x, 0, "/a/b/c", "1\0002", 3), 0);
	assert_int_equal(pvn_xen_read(x, 0, "/a/b/c", &value), 3);
	assert_memory_equal(value, "1\0002", 4);
	free(value);
	kit_expect_value(x, 0, "/a/b", "");
	assert_int_equal(kit_put(x, 0, "/a/b/c", "other"), 0);
	kit_expect_value(x, 0, "/a/b/c", "other");
	assert_int_equal(pvn_xen_write(x, 0, "/a/b/empty", NULL, 0), 0);
	kit_expect_value(x, 0, "/a/b/empty", "");
	assert_int_equal(pvn_xen_mkdir(x, 0, "/a/d"), 0);
	assert_int_equal(pvn_xen_mkdir(x, 0, "/a/b/c"), 0); /* exists: keeps its value */
	kit_expect_value(x, 0, "/a/b/c", "other");
	kit_expect_names(x, "/a", "b d");
	kit_expect_names(x, "/a/b", "c empty");
	assert_int_equal(pvn_xen_list(x, 0, "/a/d", &names), 0);
	free(names);
	assert_int_equal(pvn_xen_rm(x, 0, "/a/b"), 0);
	assert_int_equal(pvn_xen_rm(x, 0, "/a/b"), 0);	   /* is gone: no error */
	assert_int_equal(pvn_xen_rm(x, 0, "/a/b/c/d"), 0); /* its parent is, too */
	assert_int_equal(kit_probe(x, "/a/b/c"), -ENOENT);
	kit_expect_names(x, "/a", "d");
	assert_int_equal(pvn_xen_list(x, 0, "/a/b", &names), -ENOENT);
	assert_int_equal(pvn_xen_rm(x, 0, "/"), -EINVAL);
	kit_close_all(&d);
}

static void
test_names(void **state)
{
	static const char *const bad[] = {
		"/a/",	"//a", "/a//b",	 "/a b", "/a.b", "/a:", "/\xC3\xA4", "a/",
		"a//b", "",    "@other", "/a\n", "/*",	 "/a,", "/a/b/",     "@releaseDomain",
	};
	struct kit_domains d = kit_open_all(state);
	char path[PVN_XEN_PATH_MAX + 2];
	char value[PVN_XEN_VALUE_MAX + 1] = "";

	for (size_t i = 0; i < PVN_DIM(bad) - 1; i++) {
		print_message("case: '%s'\n", bad[i]);
		assert_int_equal(kit_put(d.host, 0, bad[i], "1"), -EINVAL);
		assert_int_equal(kit_probe(d.host, bad[i]), -EINVAL);
		assert_int_equal(pvn_xen_watch(d.host, bad[i], "t"), -EINVAL);
	}
	assert_int_equal(kit_put(d.host, 0, "@releaseDomain", "1"), -EINVAL);
	assert_int_equal(kit_probe(d.host, "@releaseDomain"), -EINVAL);
	assert_int_equal(kit_put(d.host, 0, "/az/AZ/09/-_@", "1"), 0);
	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0'; /* 2048 bytes, not counting the home */
	assert_int_equal(kit_put(d.host, 0, path, "1"), -EINVAL);
	path[2049] = '\0';
	assert_int_equal(kit_put(d.host, 0, path, "1"), -EINVAL);
	path[2048] = '\0';
	assert_int_equal(kit_put(d.host, 0, path, "1"), 0);
	kit_expect_value(d.host, 0, path, "1");
	path[0] = '/';
	assert_int_equal(kit_put(d.host, 0, path, "1"), 0);
	path[2048] = 'a';
	path[2049] = '\0';
	assert_int_equal(kit_put(d.host, 0, path, "1"), -EINVAL);
	memcpy(path, "/local/domain/7/", 16);
	assert_int_equal(kit_put(d.host, 0, path, "1"), 0);
	assert_int_equal(pvn_xen_write(d.host, 0, "/v", value, sizeof(value)), -E2BIG);
	assert_int_equal(pvn_xen_write(d.host, 0, "/v", value, 4094), -E2BIG);
	assert_int_equal(pvn_xen_write(d.host, 0, "/v", value, 4093), 0);
	assert_int_equal(pvn_xen_write(d.host, 0, "/v", NULL, 1), -EINVAL);
	assert_int_equal(pvn_xen_write(d.host, 0, NULL, "1", 1), -EINVAL);
	assert_int_equal(pvn_xen_read(d.host, 0, "/v", NULL), -EINVAL);
	assert_int_equal(pvn_xen_list(d.host, 0, "/v", NULL), -EINVAL);
	assert_int_equal(pvn_xen_get_perms(d.host, 0, "/v", NULL), -EINVAL);
	kit_close_all(&d);
}

/* A guest's home is as libxl makes it. */
static void
test_home(void **state)
{
	static const char *const writable[] = {"data/x",  "attr/x",    "feature/x",
					       "error/x", "drivers/x", "control/shutdown"};
	static const char *const not_writable[] = {
		"x", "domid", "name", "device/x", "control/x", "/x", "/local/domain/8/data/x"};
	struct kit_domains d = kit_open_all(state);

	kit_expect_value(d.guest, 0, "domid", "7");
	kit_expect_value(d.guest, 0, "name", "local-7");
	kit_expect_value(d.host, 0, "/local/domain/7/domid", "7");
	kit_expect_value(d.host, 0, "name", "local-0");
	kit_expect_perms(d.host, "/local/domain/7", "n0 r7");
	kit_expect_perms(d.host, "/local/domain/7/device", "n0 r7");
	kit_expect_perms(d.host, "/local/domain/7/data", "n7");
	for (size_t i = 0; i < PVN_DIM(writable); i++)
		assert_int_equal(kit_put(d.guest, 0, writable[i], "1"), 0);
	for (size_t i = 0; i < PVN_DIM(not_writable); i++)
		assert_int_equal(kit_put(d.guest, 0, not_writable[i], "1"), -EACCES);
	assert_non_null(strstr(pvn_xen_why(), "/local/domain/8/data/x"));
	assert_int_equal(kit_probe(d.guest, "/local/domain/8/name"), -EACCES);
	assert_int_equal(kit_probe(d.guest, "nothing"), -ENOENT);
	assert_int_equal(kit_probe(d.guest, "/local/domain/8/nothing"),
			 -EACCES); /* none of its business */
	kit_expect_names(d.host, "/local/domain", "0 7 8");
	kit_close_all(&d);
}

/* ---- permissions ---- */

static void
test_permissions(void **state)
{
	static const struct {
		const char *perms;
		int guest_read, guest_write, other_read, other_write;
	} cases[] = {
		{"n0", -EACCES, -EACCES, -EACCES, -EACCES},
		{"r0", 1, -EACCES, 1, -EACCES},
		{"w0", -EACCES, 0, -EACCES, 0},
		{"b0", 1, 0, 1, 0},
		{"n7", 1, 0, -EACCES, -EACCES},
		{"n7 r8", 1, 0, 1, -EACCES},
		{"n7 w8", 1, 0, -EACCES, 0},
		{"n7 b8", 1, 0, 1, 0},
		{"b7 n8", 1, 0, -EACCES, -EACCES},
		{"r7 w8", 1, 0, -EACCES, 0},
		{"n0 r7 r8", 1, -EACCES, 1, -EACCES},
		{"n0 r8 b7", 1, 0, 1, -EACCES},
	};
	struct kit_domains d = kit_open_all(state);

	for (size_t i = 0; i < PVN_DIM(cases); i++) {
		print_message("case: %s\n", cases[i].perms);
		assert_int_equal(kit_put(d.host, 0, "/p", "1"), 0);
		assert_int_equal(kit_chmod(d.host, 0, "/p", cases[i].perms), 0);
		kit_expect_perms(d.host, "/p", cases[i].perms);
		assert_int_equal(kit_probe(d.guest, "/p"), cases[i].guest_read);
		assert_int_equal(kit_probe(d.other, "/p"), cases[i].other_read);
		assert_int_equal(kit_put(d.guest, 0, "/p", "2"), cases[i].guest_write);
		assert_int_equal(kit_put(d.other, 0, "/p", "3"), cases[i].other_write);
		assert_int_equal(kit_put(d.guest, 0, "/p/q", "2"), cases[i].guest_write);
		assert_int_equal(pvn_xen_rm(d.other, 0, "/p/none"), cases[i].other_write);
		assert_int_equal(kit_put(d.host, 0, "/p", "4"), 0);
		assert_int_equal(pvn_xen_rm(d.host, 0, "/p"), 0);
	}
	kit_close_all(&d);
}

/* Who makes a node owns it, and else it is as its parent. */
static void
test_inherit(void **state)
{
	struct kit_domains d = kit_open_all(state);

	assert_int_equal(pvn_xen_mkdir(d.host, 0, "/p"), 0);
	kit_expect_perms(d.host, "/p", "n0");
	assert_int_equal(kit_chmod(d.host, 0, "/p", "r8 b7"), 0);
	assert_int_equal(kit_put(d.guest, 0, "/p/q/r", "1"), 0);
	kit_expect_perms(d.guest, "/p/q", "r7 b7");
	kit_expect_perms(d.guest, "/p/q/r", "r7 b7");
	assert_int_equal(kit_put(d.host, 0, "/p/h", "1"), 0);
	kit_expect_perms(d.host, "/p/h", "r8 b7"); /* domain 0 makes it for the owner */

	/* Only owner and domain 0 may change permissions, only domain 0 the owner. */
	assert_int_equal(kit_chmod(d.guest, 0, "/p", "r8 b7"), -EACCES);
	assert_int_equal(kit_chmod(d.other, 0, "/p/q", "n7"), -EACCES);
	assert_int_equal(kit_chmod(d.guest, 0, "/p/q", "n7 r8"), 0);
	assert_int_equal(kit_chmod(d.guest, 0, "/p/q", "n8"), -EPERM);
	assert_int_equal(kit_chmod(d.guest, 0, "data/none", "n7"), -ENOENT);
	assert_int_equal(kit_chmod(d.host, 0, "/p/q", "n8"), 0);
	assert_int_equal(kit_probe(d.guest, "/p/q"), -EACCES);
	assert_int_equal(pvn_xen_set_perms(d.host, 0, "/p", NULL, 1), -EINVAL);
	assert_int_equal(kit_chmod(d.host, 0, "/p", ""), -EINVAL);
	assert_int_equal(kit_chmod(d.guest, 0, "data", "n7 r1 r2 r3 r4"), 0);
	assert_int_equal(kit_chmod(d.guest, 0, "data", "n7 r1 r2 r3 r4 r5"), -ENOSPC);
	assert_int_equal(kit_chmod(d.host, 0, "/p", "n7 r1 r2 r3 r4 r5"), 0);
	kit_close_all(&d);
}

/* ---- transactions ---- */

static void
test_txn_isolation(void **state)
{
	struct kit_domains d = kit_open_all(state);
	struct pvn_xen *x = d.host;
	uint32_t t;

	assert_int_equal(kit_put(x, 0, "/a/1", "one"), 0);
	assert_int_equal(pvn_xen_txn_begin(x, &t), 0);
	assert_true(t != 0);
	assert_int_equal(kit_put(x, t, "/a/2", "two"), 0);
	assert_int_equal(kit_put(x, t, "/a/1", "uno"), 0);
	kit_expect_value(x, t, "/a/1", "uno");
	kit_expect_value(x, t, "/a/2", "two");
	kit_expect_value(x, 0, "/a/1", "one"); /* not yet */
	assert_int_equal(kit_probe(x, "/a/2"), -ENOENT);
	assert_int_equal(pvn_xen_txn_end(x, t, true), 0);
	kit_expect_value(x, 0, "/a/1", "uno");
	kit_expect_value(x, 0, "/a/2", "two");
	assert_int_equal(pvn_xen_txn_end(x, t, true), -ENOENT);
	assert_int_equal(kit_put(x, t, "/a/1", "x"), -ENOENT);

	assert_int_equal(pvn_xen_txn_begin(x, &t), 0);
	assert_int_equal(pvn_xen_rm(x, t, "/a"), 0);
	assert_int_equal(pvn_xen_mkdir(x, t, "/b"), 0);
	assert_int_equal(kit_chmod(x, t, "/b", "r7"), 0);
	assert_int_equal(pvn_xen_txn_end(x, t, false), 0); /* thrown away */
	kit_expect_value(x, 0, "/a/1", "uno");
	assert_int_equal(kit_probe(x, "/b"), -ENOENT);
	assert_int_equal(pvn_xen_txn_end(x, 0, true), -EINVAL);
	assert_int_equal(pvn_xen_txn_begin(x, NULL), -EINVAL);
	assert_int_equal(pvn_xen_txn_end(d.guest, t, true), -ENOENT); /* somebody else's */
	kit_close_all(&d);
}

/* What was looked at in the transaction, what happened meanwhile, whether that is a conflict. */
static const struct {
	const char *name;
	const char *reads, *writes; /* in the transaction */
	const char *written, *removed;
	bool conflict;
} conflicts[] = {
	{"read and written", "/a/1", "/b", "/a/1", NULL, true},
	{"read and removed", "/a/1", "/b", NULL, "/a/1", true},
	{"read and removed above", "/a/1", "/b", NULL, "/a", true},
	{"missing and made", "/a/9", "/b", "/a/9", NULL, true},
	{"written by both", NULL, "/a/1", "/a/1", NULL, true},
	{"made by both", NULL, "/a/9", "/a/9", NULL, true},
	{"parent removed", NULL, "/a/9", NULL, "/a", true},
	{"another node", "/a/1", "/b", "/a/2", NULL, false},
	{"below what was read", "/a", "/b", "/a/1/below", NULL, false},
	{"nothing", "/a/1", "/b", NULL, NULL, false},
};

static void
test_txn_conflict(void **state)
{
	struct kit_domains d = kit_open_all(state);
	struct pvn_xen *x = d.host;
	uint32_t t;

	for (size_t i = 0; i < PVN_DIM(conflicts); i++) {
		print_message("case: %s\n", conflicts[i].name);
		assert_int_equal(kit_put(x, 0, "/a/1", "one"), 0);
		assert_int_equal(kit_put(x, 0, "/a/2", "two"), 0);
		assert_int_equal(pvn_xen_txn_begin(x, &t), 0);
		if (conflicts[i].reads != NULL) {
			char *value = NULL;

			if (pvn_xen_read(x, t, conflicts[i].reads, &value) >= 0)
				free(value);
		}
		assert_int_equal(kit_put(x, t, conflicts[i].writes, "mine"), 0);
		if (conflicts[i].written != NULL)
			assert_int_equal(kit_put(x, 0, conflicts[i].written, "theirs"), 0);
		if (conflicts[i].removed != NULL)
			assert_int_equal(pvn_xen_rm(x, 0, conflicts[i].removed), 0);
		assert_int_equal(pvn_xen_txn_end(x, t, true), conflicts[i].conflict ? -EAGAIN : 0);
		if (!conflicts[i].conflict)
			kit_expect_value(x, 0, conflicts[i].writes, "mine");
		else if (conflicts[i].written != NULL)
			kit_expect_value(x, 0, conflicts[i].written, "theirs");
		assert_int_equal(pvn_xen_rm(x, 0, "/a"), 0);
		assert_int_equal(pvn_xen_rm(x, 0, "/b"), 0);
	}
	kit_close_all(&d);
}

/* Two that count up the same number, both retrying: no count is lost. */
static void *
count_up(void *arg)
{
	struct pvn_xen *x = arg;

	for (int i = 0; i < 100; i++) {
		char text[16];
		char *old;
		uint32_t t;
		int ret;

		do {
			if (pvn_xen_txn_begin(x, &t) < 0 || pvn_xen_read(x, t, "/n", &old) < 0)
				abort();
			sprintf(text, "%d", atoi(old) + 1);
			free(old);
			if (kit_put(x, t, "/n", text) < 0)
				abort();
			ret = pvn_xen_txn_end(x, t, true);
		} while (ret == -EAGAIN);
		if (ret < 0)
			abort();
	}
	return NULL;
}

static void
test_txn_threads(void **state)
{
	struct kit *kit = *state;
	struct pvn_xen *x[2] = {kit_open(kit, 0), kit_open(kit, 0)};
	pthread_t thread[4];

	assert_int_equal(kit_put(x[0], 0, "/n", "0"), 0);
	for (int i = 0; i < 4; i++) /* two threads on each connection */
		assert_int_equal(pthread_create(&thread[i], NULL, count_up, x[i % 2]), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	kit_expect_value(x[0], 0, "/n", "400");
	pvn_xen_close(x[0]);
	pvn_xen_close(x[1]);
}

/* ---- quotas ---- */

static void
test_quota_nodes(void **state)
{
	struct kit_domains d = kit_open_all(state);
	char path[64];
	int made = 0;
	int ret = 0;

	for (int i = 0; ret == 0 && i < 2000; i++, made += ret == 0) {
		snprintf(path, sizeof(path), "data/%d/%d", i / 100, i % 100);
		ret = kit_put(d.guest, 0, path, "1");
	}
	assert_int_equal(ret, -ENOSPC);
	assert_true(made > 950 && made < 1000);
	assert_int_equal(kit_put(d.guest, 0, "data/0/0", "2"), 0); /* not a new one */
	assert_int_equal(kit_put(d.host, 0, "/local/domain/7/data/more", "1"), 0);
	assert_int_equal(kit_put(d.other, 0, "data/x", "1"), 0);
	assert_int_equal(pvn_xen_rm(d.guest, 0, "data/0"), 0);
	assert_int_equal(kit_put(d.guest, 0, "data/0", "1"), 0);
	for (int i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "/many/%d", i);
		assert_int_equal(kit_put(d.host, 0, path, "1"), 0);
	}
	kit_close_all(&d);
}

static void
test_quota_size(void **state)
{
	struct kit_domains d = kit_open_all(state);
	char value[3000];
	char path[200];
	int i = 0;

	memset(value, 'v', sizeof(value));
	assert_int_equal(pvn_xen_write(d.guest, 0, "data/x", value, 2000), 0);
	assert_int_equal(pvn_xen_write(d.guest, 0, "data/x", value, 2048), -ENOSPC);
	kit_expect_value(d.guest, 0, "data", "");
	assert_int_equal(pvn_xen_write(d.host, 0, "/x", value, 2049), 0);
	do { /* names of children count */
		snprintf(path, sizeof(path), "data/d/%099d", i++);
	} while (i < 30 && kit_put(d.guest, 0, path, "1") == 0);
	assert_int_equal(i, 21);
	assert_int_equal(kit_put(d.guest, 0, path, "1"), -ENOSPC);
	kit_close_all(&d);
}

static void
test_quota_txns(void **state)
{
	struct kit_domains d = kit_open_all(state);
	uint32_t t[12];
	char path[64];
	int ret = 0;
	int i;

	for (i = 0; i < 11; i++) /* xenstored refuses when there are more than 10 */
		assert_int_equal(pvn_xen_txn_begin(d.guest, &t[i]), 0);
	assert_int_equal(pvn_xen_txn_begin(d.guest, &t[11]), -ENOSPC);
	assert_int_equal(pvn_xen_txn_begin(d.other, &t[11]), 0);
	assert_int_equal(pvn_xen_txn_end(d.guest, t[0], false), 0);
	assert_int_equal(pvn_xen_txn_begin(d.guest, &t[0]), 0);
	for (i = 0; i < 2000 && ret == 0; i++) {
		char **names = NULL;

		snprintf(path, sizeof(path), "data/%d", i);
		ret = pvn_xen_list(d.guest, t[0], path, &names);
		if (ret == -ENOENT)
			ret = 0;
	}
	assert_int_equal(ret, -ENOSPC);
	assert_int_equal(i, 1025);
	assert_int_equal(pvn_xen_txn_end(d.guest, t[0], true), -ENOMEM); /* all or nothing */
	ret = 0;
	for (i = 0; i < 1000 && ret == 0; i++) {
		char value[2000] = "";

		ret = pvn_xen_write(d.guest, t[1], "data/x", value, sizeof(value));
	}
	assert_int_equal(ret, -ENOSPC); /* one node, but a log without end */
	kit_close_all(&d);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_begin, kit_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nodes),	 TEST(test_names),	 TEST(test_home),
		TEST(test_permissions),	 TEST(test_inherit),	 TEST(test_txn_isolation),
		TEST(test_txn_conflict), TEST(test_txn_threads), TEST(test_quota_nodes),
		TEST(test_quota_size),	 TEST(test_quota_txns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
