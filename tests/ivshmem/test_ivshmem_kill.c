/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * h51, h52 at random instants: either end of a link is killed, some while they are stopped, some
 * while they begin; the other end must take every buffer back, never wait, and carry on with the
 * next.
 *
 *   test_ivshmem_kill guest|host
 *
 * guest: this process is the host, guests are its children, which die. Half of the deaths are told
 * (a socket that closed), half only seen when the next one attaches, as inside a living QEMU.
 * host: this process is the guest, without EAL; hosts are its children, in memory that outlives
 * them.
 *
 * PVN_LONG=1: 250 kills each; otherwise 25. PVN_SEED repeats a run.
 */
#include "share_kit.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>

#define BUFFERS 1023u
#define ENTRIES 256u
#define BURST 32u

static unsigned int seed;

#define NEED(good)                                                                                 \
	do {                                                                                       \
		if (!(good)) {                                                                     \
			fprintf(stderr, "%d: %s:%d: %s (%s), PVN_SEED=%u\n", (int)getpid(),        \
				__FILE__, __LINE__, #good, pvn_ivshmem_why(), seed);               \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* fork(), but no child outlives us. */
static pid_t
new_child(void)
{
	pid_t pid = fork();

	NEED(pid >= 0);
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static unsigned int
pick(unsigned int n)
{
	return (unsigned int)rand() % n;
}

/* A guest of a link in `mem`: changes what it gets, and keeps some of it for a while. Until the
 * host says that it is over, or for ever.
 */
static void
be_guest(struct pvn_ivshmem_guest *g, uint8_t *mem, const char *link)
{
	struct pvn_ivshmem_guest_link l;
	void *m[4 * BURST];
	uint32_t n = 0;
	int ret;

	do
		ret = pvn_ivshmem_guest_attach(g, mem, KIT_SIZE, true, 0);
	while (ret < 0 && getppid() != 1);
	do {
		if (pvn_ivshmem_guest_look(g) < 0)
			goto leave;
		ret = pvn_ivshmem_guest_link_open(&l, g, link);
	} while (ret == -ENOENT);
	NEED(ret == 0);
	while (pvn_ivshmem_guest_look(g) == 0) {
		uint32_t got = pvn_ivshmem_guest_link_take(&l, m + n, BURST), given;

		for (uint32_t i = n; i < n + got; i++) {
			struct rte_mbuf *b = m[i];

			b->data_len = b->pkt_len = 60;
			b->refcnt = 7; /* half done: what a death leaves behind */
			b->next = b;
			memset(rte_pktmbuf_mtod(b, void *), 0xee, 60);
			b->next = NULL;
			b->refcnt = 1;
		}
		n += got;
		if (n < 2 * BURST && got != 0)
			continue;
		given = pvn_ivshmem_guest_link_give(&l, m, n);
		memmove(m, m + given, (n - given) * sizeof(m[0]));
		n -= given;
		if (n > 3 * BURST) /* the host is slow: wait for it */
			sched_yield();
		while (n > 3 * BURST && pvn_ivshmem_guest_look(g) == 0) {
			given = pvn_ivshmem_guest_link_give(&l, m, n);
			memmove(m, m + given, (n - given) * sizeof(m[0]));
			n -= given;
		}
	}
leave:
	pvn_ivshmem_guest_leave(g);
}

/* ---- guests die ---- */

static struct rte_mempool *pool;
static struct pvn_ivshmem_link *link_;
static struct rte_mbuf *held[BUFFERS];
static uint32_t held_count;

/* One turn of a host under load; every mbuf that is its own is as it was made. */
static void
move(void)
{
	uint32_t n = RTE_MIN(BURST, BUFFERS - held_count);

	if (n > 0 && rte_pktmbuf_alloc_bulk(pool, held + held_count, n) == 0) {
		for (uint32_t i = held_count; i < held_count + n; i++)
			NEED(held[i]->refcnt == 1 && held[i]->next == NULL &&
			     held[i]->pool == pool && held[i]->nb_segs == 1);
		held_count += n;
	}
	n = RTE_MIN(BURST, held_count);
	n = pvn_ivshmem_link_lend(link_, (void **)held + held_count - n, n);
	/* The first ones of that burst went. */
	memmove(held + held_count - RTE_MIN(BURST, held_count),
		held + held_count - RTE_MIN(BURST, held_count) + n,
		(RTE_MIN(BURST, held_count) - n) * sizeof(held[0]));
	held_count -= n;
	if (BUFFERS - held_count >= BURST) {
		n = pvn_ivshmem_link_take(link_, (void **)held + held_count, BURST);
		held_count += n;
	}
	if (held_count > BUFFERS / 2)
		while (held_count > BUFFERS / 4)
			rte_pktmbuf_free(held[--held_count]);
}

static uint64_t longest_us;

static void
load(uint64_t us)
{
	uint64_t end = now_us() + us, before, after;

	do {
		before = now_us();
		move();
		after = now_us();
		longest_us = RTE_MAX(longest_us, after - before);
		if (pick(16) == 0)
			pvn_ivshmem_poll("kill");
	} while (after < end);
}

static void
load_until_attached(uint64_t old)
{
	struct pvn_ivshmem_info info;

	do {
		load(100);
		NEED(pvn_ivshmem_info("kill", &info) == 0);
	} while (info.attachment == 0 || info.attachment == old);
}

static void
account(void)
{
	while (held_count > 0)
		rte_pktmbuf_free(held[--held_count]);
	NEED(pvn_ivshmem_link_out(link_) == 0);
	NEED(rte_mempool_avail_count(pool) == BUFFERS);
}

static pid_t
new_guest(uint8_t *mem)
{
	pid_t pid = new_child();

	if (pid == 0) {
		struct pvn_ivshmem_guest g;

		be_guest(&g, mem, "link");
		_exit(0);
	}
	return pid;
}

static void
end_guest(pid_t pid)
{
	if (pick(4) == 0) {
		kill(pid, SIGSTOP);
		load(pick(2000)); /* on and on, with nobody there */
		if (pick(2) == 0) {
			kill(pid, SIGCONT);
			load(pick(2000));
		}
	}
	kill(pid, SIGKILL);
	NEED(waitpid(pid, NULL, 0) == pid);
}

static int
guests_die(unsigned int kills)
{
	struct pvn_ivshmem_link_stats stats;
	struct pvn_ivshmem_info info = {0};
	uint32_t seen = 0;
	uint8_t *mem;

	kit_create("kill");
	NEED(pvn_ivshmem_info("kill", &info) == 0);
	mem = (uint8_t *)(uintptr_t)info.base;
	pool = kit_pool("kill", BUFFERS, 0, "kill");
	NEED(pvn_ivshmem_link_create("kill", "link", pool, ENTRIES, true, &link_) == 0);
	for (unsigned int i = 0; i < kills; i++) {
		pid_t pid = new_guest(mem);

		if (pick(5) != 0) {
			load_until_attached(info.attachment);
			load(pick(3000));
			seen++;
		} else {
			load(pick(300)); /* while it starts */
		}
		NEED(pvn_ivshmem_info("kill", &info) == 0);
		end_guest(pid);
		if (pick(2) == 0)
			continue; /* nobody says so; the next one shows it */
		NEED(pvn_ivshmem_gone("kill") == 0);
		pvn_ivshmem_link_reclaim(link_);
		account();
	}
	NEED(pvn_ivshmem_gone("kill") == 0);
	pvn_ivshmem_link_reclaim(link_);
	account();
	pvn_ivshmem_link_stats(link_, &stats);
	printf("%u guests killed, %u of them at work: lent %ju, taken back %ju, reclaimed %ju, foreign %ju,"
	       " longest turn of the host %ju us\n",
	       kills, seen, (uintmax_t)stats.lent, (uintmax_t)stats.taken,
	       (uintmax_t)stats.reclaimed, (uintmax_t)stats.foreign, (uintmax_t)longest_us);
	NEED(stats.lent == stats.taken + stats.reclaimed);
	NEED(stats.foreign == 0 && stats.bad_index == 0 && stats.refused == 0);
	NEED(stats.taken > 0 && stats.reclaimed > 0);
	NEED(pvn_ivshmem_link_destroy(link_) == 0);
	rte_mempool_free(pool);
	NEED(pvn_ivshmem_destroy("kill") == 0);
	return 0;
}

/* ---- hosts die ---- */

/* A host in the memory `fd`; with `turns` it ends by itself, everything accounted for. */
static void
be_host(int fd, uint64_t turns)
{
	char spec[64];
	struct pvn_ivshmem_conf conf = {.where = spec, .wait_ms = 10000};
	struct pvn_ivshmem_info info = {0};

	snprintf(spec, sizeof(spec), "file:/proc/self/fd/%d", fd);
	kit_eal("host");
	NEED(pvn_ivshmem_create("kill", &conf) == 0);
	pool = kit_pool("kill", BUFFERS, 0, "kill");
	NEED(rte_mempool_avail_count(pool) == BUFFERS);
	NEED(pvn_ivshmem_link_create("kill", "link", pool, ENTRIES, true, &link_) == 0);
	while (info.attachment == 0) {
		load(1000);
		NEED(pvn_ivshmem_info("kill", &info) == 0);
	}
	for (uint64_t i = 0; turns == 0 || i < turns; i++)
		load(1000);
	NEED(pvn_ivshmem_gone("kill") == 0);
	pvn_ivshmem_link_reclaim(link_);
	account();
	exit(0);
}

static pid_t
new_host(int fd, uint64_t turns)
{
	pid_t pid = new_child();

	if (pid == 0)
		be_host(fd, turns);
	return pid;
}

static int
hosts_die(unsigned int kills)
{
	int fd = memfd_create("kept", 0), status;
	struct pvn_ivshmem_guest g;
	uint8_t *mem;
	pid_t guest;

	NEED(ftruncate(fd, KIT_SIZE) == 0);
	mem = mmap((void *)(uintptr_t)IVSHMEM_BASE_DEFAULT, KIT_SIZE, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	NEED(mem != MAP_FAILED);
	/* One guest for all of them, never started again. */
	guest = new_child();
	if (guest == 0)
		for (;;)
			be_guest(&g, mem, "link");
	munmap(mem, KIT_SIZE);
	for (unsigned int i = 0; i < kills; i++) {
		pid_t host = new_host(fd, 0);
		struct timespec t = {.tv_nsec = pick(4) == 0 ? pick(60000000)
							     : 60000000 + pick(200000000)};

		nanosleep(&t, NULL); /* any instant: nothing to wait for */
		if (pick(4) == 0)
			kill(host, SIGSTOP);
		kill(host, SIGKILL);
		NEED(waitpid(host, &status, 0) == host);
		NEED(WIFSIGNALED(status)); /* it had not failed before */
		NEED(waitpid(guest, &status, WNOHANG) == 0);
	}
	for (int i = 0; i < 2; i++) {
		pid_t host = new_host(fd, 200);

		NEED(waitpid(host, &status, 0) == host);
		NEED(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	NEED(waitpid(guest, &status, WNOHANG) == 0);
	kill(guest, SIGKILL);
	waitpid(guest, &status, 0);
	printf("%u hosts killed, one guest lived through it\n", kills);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *given = getenv("PVN_SEED");
	unsigned int kills = getenv("PVN_LONG") != NULL ? 250 : 25;

	if (given != NULL)
		seed = atoi(given);
	else if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return 1;
	srand(seed);
	if (argc == 2 && strcmp(argv[1], "host") == 0)
		return hosts_die(kills);
	kit_eal(argv[0]);
	return guests_die(kills * 4);
}
