/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 *   pvswitch EAL-ARGS -- [--config FILE] [--port NAME,mode=trunk,...,device=DEVARGS] ...
 *
 * Start and end of the switch, and the main thread's loop between: signals, XenStore, the control
 * socket, and once a second what is done by the clock.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>

#include <pvn_clock.h>
#include <pvn_compat.h>

#include "control.h"
#include "view.h"

RTE_LOG_REGISTER(pvs_logtype, pvswitch, NOTICE);

#define TICK_MS 1000
#define FDS_MAX 64
#define SIGNAL_FD 0
#define WAKE_FD 1

static struct pvs switch_;
static struct pvs_worker *workers[PVS_WORKERS_MAX];

/* ---- memory ---- */

static int
alloc_workers(struct pvs *sw)
{
	const size_t counts = PVS_PORTS_MAX * sizeof(*sw->counts[0]);

	sw->worker_counts = rte_calloc("pvs_work", sw->workers, sizeof(*sw->worker_counts), 64);
	sw->fdb_counts = rte_calloc("pvs_fdbc", sw->workers, sizeof(*sw->fdb_counts), 64);
	for (uint32_t w = 0; w < sw->workers; w++) {
		sw->counts[w] = rte_zmalloc("pvs_counts", counts, 64);
		workers[w] = rte_zmalloc("pvs_worker", sizeof(*workers[w]), 64);
		if (sw->counts[w] == NULL || workers[w] == NULL)
			return -ENOMEM;
		workers[w]->sw = sw;
		workers[w]->id = w;
	}
	return sw->worker_counts == NULL || sw->fdb_counts == NULL ? -ENOMEM : 0;
}

static int
alloc_fdb(struct pvs *sw)
{
	const uint32_t buckets = RTE_MIN(rte_align32pow2(RTE_MAX(sw->options.addresses / 2, 2u)),
					 (uint32_t)PVN_FDB_BUCKETS_MAX);
	const size_t size = pvn_fdb_size(buckets, PVS_PORTS_MAX);
	void *mem = rte_malloc("pvs_fdb", size, 64);
	uint64_t seed;

	if (mem == NULL || getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -ENOMEM;
	sw->fdb = pvn_fdb_init(mem, buckets, PVS_PORTS_MAX, seed);
	return 0;
}

static int
alloc_rcu(struct pvs *sw)
{
	const size_t size = rte_rcu_qsbr_get_memsize(PVS_WORKERS_MAX);

	sw->rcu = rte_zmalloc("pvs_rcu", size, RTE_CACHE_LINE_SIZE);
	return sw->rcu == NULL || rte_rcu_qsbr_init(sw->rcu, PVS_WORKERS_MAX) != 0 ? -ENOMEM : 0;
}

static int
alloc_all(struct pvs *sw)
{
	int ret = alloc_workers(sw);

	if (ret == 0)
		ret = alloc_fdb(sw);
	if (ret == 0)
		ret = alloc_rcu(sw);
	if (ret == 0)
		sw->pool = rte_pktmbuf_pool_create("pvswitch", sw->options.mbufs, 256, 0,
						   RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (ret == 0 && sw->pool != NULL)
		return 0;
	PVS_LOG(ERR,
		"out of memory for %u mbufs, %u addresses and %u workers: give EAL more with -m, "
		"or reserve more hugepages",
		sw->options.mbufs, sw->options.addresses, sw->workers);
	return -ENOMEM;
}

/* ---- start ---- */

static int
find_lcores(struct pvs *sw)
{
	unsigned int lcore;

	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		if (sw->workers == PVS_WORKERS_MAX)
			break;
		sw->lcore[sw->workers++] = lcore;
	}
	if (sw->workers > 0)
		return 0;
	PVS_LOG(ERR, "no lcore is left for a worker: give EAL at least two, as in "
		     "--lcores '0@0-1,1@1', where lcore 0 is for control");
	return -EINVAL;
}

static int
add_ports(struct pvs *sw)
{
	char why[PVS_WHY_MAX];

	for (uint32_t i = 0; i < sw->options.ports; i++) {
		const struct pvs_section *section = &sw->options.port[i];

		if (pvs_port_add(sw, section->name, &section->set, why) < 0) {
			PVS_LOG(ERR, "port %s: %s", section->name, why);
			return -EINVAL;
		}
	}
	return 0;
}

static int
begin(struct pvs *sw, char *why)
{
	int ret = find_lcores(sw);

	if (ret == 0)
		ret = alloc_all(sw);
	if (ret == 0)
		ret = pvs_view_publish(sw, why);
	for (uint32_t w = 0; w < sw->workers && ret == 0; w++)
		ret = rte_eal_remote_launch(pvs_worker_run, workers[w], sw->lcore[w]);
	if (ret == 0)
		ret = add_ports(sw);
	if (ret == 0)
		ret = pvs_control_open(sw, why);
	if (ret == 0)
		ret = pvs_guests_begin(sw, why);
	if (ret == 0)
		pvs_telemetry_open(sw);
	return ret;
}

/* When all ports are gone, an mbuf that is not there was lost on the way. */
static int
check_pool(const struct pvs *sw)
{
	const unsigned int lost = sw->pool != NULL ? rte_mempool_in_use_count(sw->pool) : 0;

	if (lost == 0)
		return 0;
	PVS_LOG(ERR, "%u mbufs were not given back: please report it, with the ports there were",
		lost);
	return -EIO;
}

/* 0, or what went wrong before that nobody noticed. */
static int
end(struct pvs *sw)
{
	char why[PVS_WHY_MAX];
	uint16_t id;

	pvs_control_close(sw);
	pvs_guests_end(sw);
	for (uint32_t i = 0; i < PVS_PORTS_MAX; i++)
		if (pvs_port_is_ours(&sw->port[i]))
			pvs_port_remove(sw, sw->port[i].name, why);
	__atomic_store_n(&sw->quit, true, __ATOMIC_RELAXED);
	rte_eal_mp_wait_lcore();
	pvs_view_end(sw);
	RTE_ETH_FOREACH_DEV (id)
		rte_eth_dev_close(id); /* those that were EAL's have mbufs in their queues still */
	return check_pool(sw);
}

/* ---- the loop ---- */

/* All buckets have their turn within the ageing time, in 16 parts. */
static void
tick(struct pvs *sw)
{
	static uint32_t pos;
	char why[PVS_WHY_MAX];
	const uint32_t buckets = sw->fdb->buckets;

	pvn_fdb_sweep(sw->fdb, &pos, RTE_MAX(buckets / 16, 1u), pvs_now_s(), sw->options.ageing);
	pvs_guests_tick(sw);
	if (sw->stale)
		pvs_view_publish(sw, why);
	if (sw->workers > 1)
		pvs_view_rebalance(sw);
}

/* True if the switch is to end. */
static bool
take_signal(struct pvs *sw, int fd)
{
	struct signalfd_siginfo info;
	char why[PVS_WHY_MAX];

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo != SIGHUP)
		return true;
	if (pvs_reload(sw, why) < 0)
		PVS_LOG(ERR, "reload: %s", why);
	return false;
}

/* Telemetry's thread has its turn while this waits. */
static int
wait_for(struct pollfd *fds, int n, int64_t left_ms)
{
	int ret;

	pvs_unlock();
	ret = poll(fds, n, left_ms > 0 ? left_ms : 0);
	pvs_lock();
	return ret;
}

static void
loop(struct pvs *sw, int signal_fd)
{
	struct pollfd fds[FDS_MAX] = {{.fd = signal_fd, .events = POLLIN},
				      {.fd = sw->wake_fd, .events = POLLIN}};
	int64_t next = pvn_now_ms() + TICK_MS;
	uint64_t wakes;

	for (;;) {
		int n = 2 + pvs_control_fds(fds + 2, FDS_MAX - 2);

		if (wait_for(fds, n, next - pvn_now_ms()) < 0 && errno != EINTR)
			return;
		if ((fds[SIGNAL_FD].revents & POLLIN) != 0 && take_signal(sw, signal_fd))
			return;
		if ((fds[WAKE_FD].revents & POLLIN) != 0 &&
		    read(sw->wake_fd, &wakes, sizeof(wakes)) > 0)
			pvs_guests_look(sw);
		pvs_control_serve(sw, fds + 2, n - 2);
		if (pvn_now_ms() < next)
			continue;
		next = pvn_now_ms() + TICK_MS;
		tick(sw);
	}
}

/* Blocked before EAL makes threads, so that only the loop sees them. */
static int
take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int
main(int argc, char **argv)
{
	struct pvs *sw = &switch_;
	char why[PVS_WHY_MAX] = "";
	int signal_fd = take_signals();
	const int own = pvs_options_begin(argc, argv);
	int ret = pvs_options_read(&sw->options, argc - own, argv + own);

	if (ret != 0)
		return ret > 0 ? 0 : 2;
	if (rte_eal_init(own, argv) < 0) {
		fprintf(stderr, "pvswitch: EAL did not start: %s\n", rte_strerror(rte_errno));
		return 1;
	}
	sw->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pvs_lock();
	ret = begin(sw, why);
	if (ret == 0) {
		PVS_LOG(NOTICE, "%u workers, control socket %s", sw->workers, sw->options.control);
		pvs_telemetry_open(sw);
		loop(sw, signal_fd);
	} else if (why[0] != '\0') {
		PVS_LOG(ERR, "%s", why);
	}
	if (end(sw) < 0 && ret == 0)
		ret = -EIO;
	pvs_unlock();
	pvs_options_free(&sw->options);
	rte_eal_cleanup();
	return ret == 0 ? 0 : 1;
}
