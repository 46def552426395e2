/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What tests of the ivshmem server share: a folder of its own, servers, peers. No file stays open
 * after a test, and no socket in the folder.
 */
#ifndef IVSHMEM_SERVER_KIT_H
#define IVSHMEM_SERVER_KIT_H

#include "ivshmem_kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "pvn_ivshmem_peer.h"
#include "pvn_ivshmem_server.h"

#define SIZE (1u << 20)

static unsigned int files_before;
static char folder[] = "/tmp/pvn-ivshmem-XXXXXX";
static char path[64], host_path[80], spec[80], host_spec[96];

static inline int
setup(void **state)
{
	(void)state;
	files_before = kit_open_files();
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	assert_int_equal(kit_open_files(), files_before);
	assert_int_equal(rmdir(folder), 0); /* all sockets are gone */
	assert_int_equal(mkdir(folder, 0700), 0);
	return 0;
}

static inline struct pvn_ivshmem_server *
serve_cfg(const struct pvn_ivshmem_server_cfg *cfg)
{
	struct pvn_ivshmem_server *s = NULL;

	assert_int_equal(pvn_ivshmem_server_new(cfg, &s), 0);
	assert_int_equal(pvn_ivshmem_server_start(s), 0);
	return s;
}

static inline struct pvn_ivshmem_server *
serve(uint32_t vectors, uint32_t guests)
{
	return serve_cfg(&(struct pvn_ivshmem_server_cfg){
		.name = "test", .size = SIZE, .vectors = vectors, .guests = guests, .path = path});
}

static inline struct pvn_ivshmem_peer *
open_peer(const char *which)
{
	struct pvn_ivshmem_peer *p = NULL;
	int ret = pvn_ivshmem_peer_open(which, &p);

	if (ret < 0)
		print_message("%s\n", pvn_ivshmem_why());
	assert_int_equal(ret, 0);
	return p;
}

/* Waits until it hears that `number` has come or gone. */
static inline void
wait_there(struct pvn_ivshmem_peer *p, uint32_t number, bool there)
{
	while (pvn_ivshmem_peer_there(p, number) != there) {
		assert_true(kit_readable(pvn_ivshmem_peer_event_fd(p)));
		assert_true(pvn_ivshmem_peer_look(p) >= 0);
	}
}

static inline void
wait_clients(struct pvn_ivshmem_server *s, uint32_t count)
{
	for (int i = 0; i < 5000 && pvn_ivshmem_server_clients(s, NULL, 0) != count; i++)
		usleep(1000);
	assert_int_equal(pvn_ivshmem_server_clients(s, NULL, 0), count);
}

/* Runs the tests in a folder that goes with them. */
static inline int
kit_run(int (*run)(void))
{
	int ret;

	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/r", folder);
	snprintf(host_path, sizeof(host_path), "%s.host", path);
	snprintf(spec, sizeof(spec), "socket:%s", path);
	snprintf(host_spec, sizeof(host_spec), "socket:%s", host_path);
	ret = run();
	rmdir(folder);
	return ret;
}

#define KIT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif /* IVSHMEM_SERVER_KIT_H */
