/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The ivshmem server's memory, its sockets' names, and what it refuses to serve.
 */
#include "ivshmem_server_kit.h"

#include <sys/wait.h>

/* ---- memory and sockets ---- */

static void
test_file(void **state)
{
	char file[64];
	struct pvn_ivshmem_server_cfg cfg = {
		.name = "test", .size = SIZE, .path = path, .file = file};
	struct pvn_ivshmem_peer *host;
	struct pvn_ivshmem_server *s;
	struct stat st;

	(void)state;
	snprintf(file, sizeof(file), "%s/memory", folder);
	s = serve_cfg(&cfg); /* makes it */
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, SIZE);
	assert_int_equal(st.st_mode & 0777, 0600);
	pvn_ivshmem_server_free(s);
	s = serve_cfg(&cfg); /* takes it */
	host = open_peer(host_spec);
	assert_int_equal(truncate(file, 0), 0); /* somebody else's doing: no SIGBUS for us */
	pvn_ivshmem_peer_close(host);
	wait_clients(s, 0);
	pvn_ivshmem_server_free(s);
	assert_int_equal(truncate(file, SIZE / 2), 0);
	assert_int_equal(pvn_ivshmem_server_new(&cfg, &s), -EINVAL);
	assert_non_null(strstr(pvn_ivshmem_why(), "524288"));
	unlink(file);
}

static void
test_given_memory(void **state)
{
	struct pvn_ivshmem_server_cfg cfg = {
		.name = "test", .size = SIZE, .path = path, .memory_fd = kit_memory(SIZE)};
	struct pvn_ivshmem_server *s = serve_cfg(&cfg);
	struct pvn_ivshmem_peer *p = open_peer(spec);
	char *map = pvn_ivshmem_peer_map(p, 0, true);

	(void)state;
	assert_int_equal(pwrite(cfg.memory_fd, "x", 1, 5), 1);
	assert_int_equal(map[5], 'x');
	assert_int_equal(ftruncate(cfg.memory_fd, 0), -1);
	pvn_ivshmem_peer_close(p);
	pvn_ivshmem_server_free(s);
	close(cfg.memory_fd);
}

static void
test_huge_pages(void **state)
{
	struct pvn_ivshmem_server_cfg cfg = {
		.name = "test", .size = UINT64_C(1) << 38, .huge_page = 2 << 20};
	struct pvn_ivshmem_server *s;

	(void)state;
	assert_int_equal(pvn_ivshmem_server_new(&cfg, &s), -ENOMEM);
	assert_non_null(strstr(pvn_ivshmem_why(), "131072 pages of 2097152 bytes"));
	assert_non_null(strstr(pvn_ivshmem_why(), "nr_hugepages"));
}

static void
test_socket_files(void **state)
{
	struct pvn_ivshmem_server_cfg cfg = {.name = "test", .size = SIZE, .path = path};
	struct pvn_ivshmem_server *s = serve_cfg(&cfg), *none = NULL;
	struct stat st;
	int fd;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stat(i == 0 ? path : host_path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	assert_int_equal(pvn_ivshmem_server_new(&cfg, &none), -EADDRINUSE);
	pvn_ivshmem_peer_close(open_peer(spec)); /* the first one goes on */
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_CREAT | O_WRONLY, 0644);
	pvn_ivshmem_server_free(s);
	assert_int_equal(stat(path, &st), 0); /* no longer its own: stays */
	assert_int_equal(pvn_ivshmem_server_new(&cfg, &none), -EEXIST);
	assert_int_equal(unlink(path), 0);
	close(fd);
	/* A dead server's is replaced. */
	if (fork() == 0) {
		pvn_ivshmem_server_new(&cfg, &s);
		_exit(0);
	}
	wait(NULL);
	assert_int_equal(stat(path, &st), 0);
	cfg.mode = 0660;
	cfg.chown = geteuid() == 0;
	cfg.uid = cfg.chown ? 65534 : 0;
	cfg.gid = cfg.chown ? 65533 : 0;
	s = serve_cfg(&cfg);
	assert_int_equal(stat(host_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_uid, cfg.chown ? 65534 : geteuid());
	pvn_ivshmem_peer_close(open_peer(spec));
	pvn_ivshmem_server_free(s);
}

/* ---- what is refused ---- */

static void
test_bad_configurations(void **state)
{
	static const struct {
		const char *why;
		struct pvn_ivshmem_server_cfg cfg;
	} cases[] = {
		{"name", {.size = SIZE}},
		{"name", {.name = "", .size = SIZE}},
		{"name", {.name = "a/b", .size = SIZE}},
		{"name", {.name = "..", .size = SIZE}},
		{"name", {.name = "-x", .size = SIZE}},
		{"1..31", {.name = "12345678901234567890123456789012", .size = SIZE}},
		{"size 0", {.name = "a"}},
		{"power of two", {.name = "a", .size = 3u << 20}},
		{"1 MiB", {.name = "a", .size = 4096}},
		{"1 TiB", {.name = "a", .size = UINT64_C(1) << 41}},
		{"33 vectors", {.name = "a", .size = SIZE, .vectors = 33}},
		{"256 guests", {.name = "a", .size = SIZE, .guests = 256}},
		{"mode 1777", {.name = "a", .size = SIZE, .mode = 01777}},
		{"4096", {.name = "a", .size = SIZE, .huge_page = 4096}},
		{"less", {.name = "a", .size = SIZE, .huge_page = 2u << 20}},
		{"memfd", {.name = "a", .size = SIZE, .huge_page = 2u << 20, .file = "/tmp/x"}},
		{"/nowhere", {.name = "a", .size = SIZE, .path = "/nowhere/x"}},
		{"/dev/null", {.name = "a", .size = SIZE, .file = "/dev/null"}},
	};
	char longer[128];
	struct pvn_ivshmem_server_cfg cfg = {.name = "a", .size = SIZE, .path = longer};
	struct pvn_ivshmem_server *s = NULL;

	(void)state;
	for (size_t i = 0; i < PVN_DIM(cases); i++) {
		int ret = pvn_ivshmem_server_new(&cases[i].cfg, &s);

		print_message("case: %s\n", pvn_ivshmem_why());
		assert_true(ret < 0);
		assert_int_equal(errno, -ret);
		assert_non_null(strstr(pvn_ivshmem_why(), cases[i].why));
		assert_int_equal(kit_open_files(), files_before);
	}
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(pvn_ivshmem_server_new(&cfg, &s), -ENAMETOOLONG);
	assert_null(s);
	assert_int_equal(pvn_ivshmem_server_new(NULL, &s), -EINVAL);
	pvn_ivshmem_server_free(NULL);
}

static int
run(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(test_file),
		KIT_TEST(test_given_memory),
		KIT_TEST(test_huge_pages),
		KIT_TEST(test_socket_files),
		KIT_TEST(test_bad_configurations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
	return kit_run(run);
}
