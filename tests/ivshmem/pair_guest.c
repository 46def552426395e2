/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The guest's process of test_ivshmem_pair.c.
 */
#include "pair_guest.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "share_kit.h"

static int chat = -1;

/* Not by cmocka: a failure ends the process. */
#define NEED(good)                                                                                 \
	do {                                                                                       \
		if (!(good)) {                                                                     \
			fprintf(stderr, "guest: %s:%d: %s (%s)\n", __FILE__, __LINE__, #good,      \
				pvn_ivshmem_why());                                                \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static void
guest_say(char c)
{
	NEED(send(chat, &c, 1, MSG_NOSIGNAL) == 1);
}

static void
guest_await(char c)
{
	char got = 0;

	NEED(recv(chat, &got, 1, 0) == 1 && got == c);
}

static void
guest_lookup(const char *spec)
{
	struct pvn_ivshmem_attached *a, *again;
	const struct rte_memzone *mz;
	struct rte_ring *r;

	NEED(rte_ring_lookup("there") == NULL);
	NEED(rte_mempool_lookup("pool") == NULL);
	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	NEED(pvn_ivshmem_attach(spec, 0, &again) == -EEXIST); /* the address is taken */
	NEED(strcmp(pvn_ivshmem_attached_name(a), "pair") == 0);
	r = rte_ring_lookup("there");
	NEED(r != NULL && r->memzone == NULL);
	NEED(rte_mempool_lookup("pool") != NULL);
	mz = pvn_ivshmem_memzone_lookup("zone");
	NEED(mz != NULL && mz->len == 64 && strcmp(mz->addr, "from the host") == 0);
	NEED(pvn_ivshmem_memzone_lookup("nothing") == NULL && rte_errno == ENOENT);
	NEED(pvn_ivshmem_attached_left_out(a) == 0);
	rte_ring_free(r); /* refused, and no crash */
	NEED(rte_ring_lookup("there") == r);
	NEED(rte_memzone_free(mz) < 0);
	guest_say('a');

	guest_await('r'); /* removed a ring, added another */
	NEED(pvn_ivshmem_attached_poll(a) == 1);
	NEED(rte_ring_lookup("there") == NULL);
	NEED(rte_ring_lookup("late") != NULL);
	NEED(pvn_ivshmem_attached_poll(a) == 0);
	guest_say('b');

	guest_await('d');
	pvn_ivshmem_detach(a);
	NEED(rte_ring_lookup("late") == NULL);
	NEED(rte_mempool_lookup("pool") == NULL);
	NEED(pvn_ivshmem_memzone_lookup("zone") == NULL);
	/* Nothing of it is mapped any more. */
	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	NEED(rte_ring_lookup("late") != NULL);
	pvn_ivshmem_detach(a);
}

static void
guest_pingpong(const char *spec)
{
	struct pvn_ivshmem_attached *a;
	struct rte_ring *there, *back;
	unsigned int n = 0;

	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	there = rte_ring_lookup("there");
	back = rte_ring_lookup("back");
	guest_say('a');
	while (n < 100) {
		struct rte_mbuf *m = NULL;

		if (rte_ring_dequeue(there, (void **)&m) < 0)
			continue;
		*rte_pktmbuf_mtod(m, uint32_t *) ^= UINT32_MAX;
		NEED(rte_ring_enqueue(back, m) == 0);
		n++;
	}
	guest_say('b');
	guest_await('d');
	pvn_ivshmem_detach(a);
}

static void
guest_link(const char *spec)
{
	struct pvn_ivshmem_guest_link l;
	struct pvn_ivshmem_attached *a;
	void *got[128];
	uint32_t n = 0;

	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	NEED(pvn_ivshmem_guest_link_open(&l, pvn_ivshmem_attached_guest(a), "nolink") == -ENOENT);
	NEED(pvn_ivshmem_guest_link_open(&l, pvn_ivshmem_attached_guest(a), "link") == 0);
	NEED(pvn_ivshmem_guest_link_take(&l, got, 128) == 0);
	guest_say('a');
	guest_await('l');
	while (n < 100)
		n += pvn_ivshmem_guest_link_take(&l, got + n, 100 - n);
	for (uint32_t i = 0; i < n; i++)
		*rte_pktmbuf_mtod((struct rte_mbuf *)got[i], uint32_t *) ^= UINT32_MAX;
	NEED(pvn_ivshmem_guest_link_give(&l, got, 60) == 60);
	guest_say('g'); /* 40 are kept */
	guest_await('d');
	pvn_ivshmem_detach(a);
}

/* Taken for dead while it lives: it sees that, and begins anew. */
static void
guest_given_up(const char *spec)
{
	struct pvn_ivshmem_guest_link l;
	struct pvn_ivshmem_attached *a;
	void *got[2];

	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	NEED(pvn_ivshmem_guest_link_open(&l, pvn_ivshmem_attached_guest(a), "link") == 0);
	guest_say('a');
	guest_await('l');
	NEED(pvn_ivshmem_guest_link_take(&l, got, 2) == 2);
	guest_say('t');
	guest_await('g');
	NEED(pvn_ivshmem_guest_link_give(&l, got, 2) == 0);
	NEED(pvn_ivshmem_attached_poll(a) == -ESTALE);
	pvn_ivshmem_detach(a);
	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	NEED(pvn_ivshmem_guest_link_open(&l, pvn_ivshmem_attached_guest(a), "link") == 0);
	guest_say('b');
	guest_await('l');
	NEED(pvn_ivshmem_guest_link_take(&l, got, 2) == 1);
	NEED(pvn_ivshmem_guest_link_give(&l, got, 1) == 1);
	guest_say('t');
	guest_await('d');
	NEED(pvn_ivshmem_attached_poll(a) == 0);
	pvn_ivshmem_detach(a);
}

static void
guest_refused(const char *spec, int want)
{
	struct pvn_ivshmem_attached *a;
	int ret = pvn_ivshmem_attach(spec, 0, &a);

	NEED(ret == want);
}

static void
guest_occupied(const char *spec)
{
	void *want = (void *)(uintptr_t)IVSHMEM_BASE_DEFAULT;
	struct pvn_ivshmem_attached *a;
	uint8_t *mine = mmap(want, 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	NEED(mine == want);
	*mine = 42;
	guest_refused(spec, -EEXIST);
	NEED(strstr(pvn_ivshmem_why(), "0x200000000000") != NULL);
	NEED(*mine == 42);
	munmap(mine, 4096);
	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	pvn_ivshmem_detach(a);
}

/* A process where the operations have other numbers: one more comes first. */
static void
guest_ops(const char *spec)
{
	struct pvn_ivshmem_attached *a;
	struct rte_mempool_ops moved[RTE_MEMPOOL_MAX_OPS_IDX];
	uint32_t n = rte_mempool_ops_table.num_ops;
	FILE *f;
	char *text;
	size_t len;

	memcpy(moved, rte_mempool_ops_table.ops, sizeof(moved));
	for (uint32_t i = 0; i < n; i++)
		rte_mempool_ops_table.ops[(i + 1) % n] = moved[i];
	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	NEED(rte_mempool_lookup("pool") == NULL);
	NEED(rte_ring_lookup("there") != NULL);
	NEED(pvn_ivshmem_attached_left_out(a) == 1);
	f = open_memstream(&text, &len);
	pvn_ivshmem_attached_dump(f, a);
	fclose(f);
	NEED(strstr(text, "ring_mp_mc") != NULL);
	free(text);
	pvn_ivshmem_detach(a);
}

/* Follows a host that ends and one that begins anew, as told by polling alone. */
static void
guest_restart(const char *spec)
{
	struct pvn_ivshmem_attached *a;
	int ret;

	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	guest_say('a');
	do
		ret = pvn_ivshmem_attached_poll(a);
	while (ret >= 0);
	NEED(ret == -ENOTCONN || ret == -ESTALE);
	pvn_ivshmem_detach(a);
	NEED(rte_ring_lookup("there") == NULL);
	do
		ret = pvn_ivshmem_attach(spec, 0, &a);
	while (ret == -EAGAIN || ret == -ENODEV);
	NEED(ret == 0);
	guest_say('b');
	guest_await('d');
	NEED(pvn_ivshmem_attached_poll(a) >= 0);
	NEED(rte_ring_lookup("anew") != NULL);
	pvn_ivshmem_detach(a);
}

static void
guest_reader(const char *spec)
{
	struct pvn_ivshmem_attached *a;
	const struct rte_memzone *mz;

	NEED(pvn_ivshmem_attach(spec, PVN_IVSHMEM_ATTACH_READ_ONLY, &a) == 0);
	mz = pvn_ivshmem_memzone_lookup("zone");
	NEED(mz != NULL && strcmp(mz->addr, "from the host") == 0);
	NEED(rte_ring_lookup("there") == NULL);
	NEED(pvn_ivshmem_attached_poll(a) == 0);
	guest_say('a');
	guest_await('d');
	pvn_ivshmem_detach(a);
}

static void
guest_two(const char *spec)
{
	struct pvn_ivshmem_attached *a, *b;
	char first[128];
	const char *second = strchr(spec, '+') + 1;

	snprintf(first, sizeof(first), "%.*s", (int)(second - spec - 1), spec);
	NEED(pvn_ivshmem_attach(first, 0, &a) == 0);
	NEED(pvn_ivshmem_attach(second, 0, &b) == 0);
	NEED(rte_ring_lookup("there") != NULL && rte_ring_lookup("other") != NULL);
	pvn_ivshmem_detach(a);
	NEED(rte_ring_lookup("there") == NULL && rte_ring_lookup("other") != NULL);
	pvn_ivshmem_detach(b);
}

int
pair_guest(char **argv)
{
	const char *name = argv[2], *spec = argv[3];

	chat = 3;
	kit_eal(argv[0]);
	if (strcmp(name, "lookup") == 0)
		guest_lookup(spec);
	else if (strcmp(name, "pingpong") == 0)
		guest_pingpong(spec);
	else if (strcmp(name, "link") == 0)
		guest_link(spec);
	else if (strcmp(name, "given up") == 0)
		guest_given_up(spec);
	else if (strcmp(name, "foreign") == 0)
		guest_refused(spec, -ENODEV);
	else if (strcmp(name, "broken") == 0)
		guest_refused(spec, -EPROTO);
	else if (strcmp(name, "occupied") == 0)
		guest_occupied(spec);
	else if (strcmp(name, "ops") == 0)
		guest_ops(spec);
	else if (strcmp(name, "restart") == 0)
		guest_restart(spec);
	else if (strcmp(name, "reader") == 0)
		guest_reader(spec);
	else if (strcmp(name, "two") == 0)
		guest_two(spec);
	else
		return 2;
	return 0;
}
