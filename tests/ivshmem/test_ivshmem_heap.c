/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Huge pages, and the whole heap of a host's EAL: hosts and guests are processes of their own, each
 * with the EAL options that its case is about.
 *
 *   test_ivshmem_heap          memory of --no-huge
 *   test_ivshmem_heap huge     huge pages; 77 if none can be had
 *
 * Started anew as "--host CASE OPTION...", and by that as "--guest CASE SPEC HEAP-SPEC".
 */
#include "share_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "pvn_ivshmem_server.h"

#define HOST_BASE "--base-virtaddr=0x300000000000"
#define HOST_BASE_AT UINT64_C(0x300000000000)
#define HUGE_PAGE (UINT64_C(2) << 20)
#define PACKETS 100u

extern char **environ;

/* What fails in these processes ends them. */
#define NEED(good)                                                                                 \
	do {                                                                                       \
		if (!(good)) {                                                                     \
			fprintf(stderr, "%d: %s:%d: %s (%s)\n", (int)getpid(), __FILE__, __LINE__, \
				#good, pvn_ivshmem_why());                                         \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

/* Runs this program anew, and waits until it ends; its status. */
static int
run(const char *const *words)
{
	int status = -1;
	pid_t pid;

	if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, (char *const *)(uintptr_t)words,
			environ) != 0)
		return -1;
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* ---- the guest's process ---- */

/* As large as the heap, and another file. */
static void
refuse_other_file(struct pvn_ivshmem_attached *a)
{
	int fd = memfd_create("other", MFD_CLOEXEC);
	char spec[64];

	NEED(fd >= 0 && ftruncate(fd, 64 << 20) == 0);
	snprintf(spec, sizeof(spec), "file:/proc/self/fd/%d", fd);
	NEED(pvn_ivshmem_attach_unsafe_heap(a, spec) == -ENODEV);
	NEED(strstr(pvn_ivshmem_why(), "not the heap") != NULL);
	close(fd);
}

/* Each word of a packet is turned over, in the host's own heap. */
static void
guest_share(const char *spec, const char *heap)
{
	struct pvn_ivshmem_attached *a;
	const struct rte_memzone *mz;
	struct rte_ring *there, *back;
	struct rte_mempool *mp;

	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	NEED(pvn_ivshmem_attached_left_out(a) == 4); /* all but the one in the region */
	NEED(rte_ring_lookup("inside") != NULL);
	NEED(rte_ring_lookup("there") == NULL);
	NEED(pvn_ivshmem_attach_unsafe_heap(a, spec) == -ENODEV); /* too small */
	refuse_other_file(a);
	NEED(pvn_ivshmem_attach_unsafe_heap(a, heap) == 0);
	NEED(pvn_ivshmem_attach_unsafe_heap(a, heap) == -EALREADY);
	NEED(pvn_ivshmem_attached_left_out(a) == 0);
	there = rte_ring_lookup("there");
	back = rte_ring_lookup("back");
	mp = rte_mempool_lookup("packets");
	mz = pvn_ivshmem_memzone_lookup("table");
	NEED(there != NULL && back != NULL && mp != NULL && mz != NULL);
	NEED((uintptr_t)there >= HOST_BASE_AT && (uintptr_t)mz->addr >= HOST_BASE_AT);
	NEED(strcmp(mz->addr, "from the host") == 0);
	for (uint32_t i = 0; i < PACKETS; i++) {
		struct rte_mbuf *m = NULL;

		NEED(rte_ring_dequeue(there, (void **)&m) == 0);
		NEED(m->pool == mp);
		*rte_pktmbuf_mtod(m, uint32_t *) ^= UINT32_MAX;
		NEED(rte_ring_enqueue(back, m) == 0);
	}
	NEED(pvn_ivshmem_attached_poll(a) == 0);
	pvn_ivshmem_detach(a);
	NEED(rte_ring_lookup("there") == NULL && rte_mempool_lookup("packets") == NULL);
	NEED(pvn_ivshmem_memzone_lookup("table") == NULL);
}

static void
guest_occupied(const char *spec, const char *heap)
{
	/* The list of the host's pages begins somewhere from there on. */
	const size_t area = (size_t)1 << 43;
	void *mine = mmap((void *)HOST_BASE_AT, area, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	struct pvn_ivshmem_attached *a;

	NEED(mine == (void *)HOST_BASE_AT);
	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	NEED(pvn_ivshmem_attach_unsafe_heap(a, heap) == -EEXIST);
	NEED(strstr(pvn_ivshmem_why(), "--base-virtaddr") != NULL);
	NEED(rte_ring_lookup("there") == NULL);
	NEED(munmap(mine, area) == 0);
	NEED(pvn_ivshmem_attach_unsafe_heap(a, heap) == 0);
	NEED(rte_ring_lookup("there") != NULL);
	pvn_ivshmem_detach(a);
}

/* A region with no heap, and files that are none. */
static void
guest_none(const char *spec, const char *heap)
{
	struct pvn_ivshmem_attached *a;

	NEED(pvn_ivshmem_attach(spec, 0, &a) == 0);
	NEED(pvn_ivshmem_attach_unsafe_heap(a, heap) == -ENOENT);
	NEED(pvn_ivshmem_attach_unsafe_heap(a, NULL) == -EINVAL);
	NEED(pvn_ivshmem_attach_unsafe_heap(NULL, heap) == -EINVAL);
	pvn_ivshmem_detach(a);
}

static int
be_guest(char **argv)
{
	kit_eal(argv[0]);
	if (strcmp(argv[2], "share") == 0)
		guest_share(argv[3], argv[4]);
	else if (strcmp(argv[2], "occupied") == 0)
		guest_occupied(argv[3], argv[4]);
	else
		guest_none(argv[3], argv[4]);
	return 0;
}

/* ---- the host's process ---- */

static struct rte_ring *there, *back, *inside;
static struct rte_mempool *pool;
static const struct rte_memzone *table;

/* Of the command line's two files; the second is the heap. */
static void
find_files(char specs[2][64])
{
	char line[1024], again[1024], *at = line;

	NEED(pvn_ivshmem_cmdline_generate(line, sizeof(line), "heap") == 0);
	memset(again, 0x5a, sizeof(again));
	NEED(pvn_ivshmem_cmdline_generate(again, strlen(line), "heap") == -ENOSPC);
	NEED(again[0] == 0x5a);
	NEED(pvn_ivshmem_cmdline_generate(again, strlen(line) + 1, "heap") == 0);
	for (int i = 0; i < 2; i++) {
		int n;

		at = strstr(at, "mem-path=");
		NEED(at != NULL);
		at += strlen("mem-path=");
		n = strcspn(at, " ,");
		snprintf(specs[i], 64, "file:%.*s", n, at);
	}
	NEED(strstr(line, "size=67108864,") != NULL);
}

static void
share_objects(void)
{
	struct pvn_ivshmem_conf conf = {.size = KIT_SIZE, .unsafe_whole_heap = true};
	struct pvn_ivshmem_link *l;

	/* As an application has them, before anybody thinks of sharing. */
	there = rte_ring_create("there", 256, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	back = rte_ring_create("back", 256, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	pool = rte_pktmbuf_pool_create("packets", 1023, 0, 0, 2048, SOCKET_ID_ANY);
	table = rte_memzone_reserve("table", 4096, SOCKET_ID_ANY, 0);
	NEED(there != NULL && back != NULL && pool != NULL && table != NULL);
	strcpy(table->addr, "from the host");
	NEED(pvn_ivshmem_create("heap", &conf) == 0);
	inside = rte_ring_create("inside", 8, pvn_ivshmem_socket("heap"),
				 RING_F_SP_ENQ | RING_F_SC_DEQ);
	NEED(pvn_ivshmem_add_ring(inside, "heap") == 0);
	NEED(pvn_ivshmem_add_ring(there, "heap") == 0);
	NEED(pvn_ivshmem_add_ring(back, "heap") == 0);
	NEED(pvn_ivshmem_add_mempool(pool, "heap") == 0);
	NEED(pvn_ivshmem_add_memzone(table, "heap") == 0);
	/* Lines of a link count in the region. */
	NEED(pvn_ivshmem_link_create("heap", "link", pool, 8, true, &l) == -ERANGE);
}

static void
unshare_objects(void)
{
	NEED(pvn_ivshmem_ring_free(there) == -EBUSY);
	NEED(pvn_ivshmem_remove_ring(inside, "heap") == 0);
	NEED(pvn_ivshmem_remove_ring(there, "heap") == 0);
	NEED(pvn_ivshmem_remove_ring(back, "heap") == 0);
	NEED(pvn_ivshmem_remove_mempool(pool, "heap") == 0);
	NEED(pvn_ivshmem_remove_memzone(table, "heap") == 0);
	rte_ring_free(inside);
	NEED(pvn_ivshmem_destroy("heap") == 0);
	rte_ring_free(there);
	rte_ring_free(back);
	NEED(rte_mempool_avail_count(pool) == 1023);
	rte_mempool_free(pool);
	rte_memzone_free(table);
}

static void
check_dump(void)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	pvn_ivshmem_dump(f, "heap");
	fclose(f);
	NEED(strstr(text, "the whole heap, unsafe: 67108864 bytes at 0x30") != NULL);
	NEED(strstr(text, "in the whole heap") != NULL);
	free(text);
}

static void
host_share(const char *guest)
{
	struct rte_mbuf *sent[PACKETS], *m = NULL;
	char specs[2][64];
	const char *words[] = {"test_ivshmem_heap", "--guest", guest, specs[0], specs[1], NULL};

	share_objects();
	find_files(specs);
	check_dump();
	for (uint32_t i = 0; i < PACKETS; i++) {
		sent[i] = rte_pktmbuf_alloc(pool);
		NEED(sent[i] != NULL);
		*(uint32_t *)(void *)rte_pktmbuf_append(sent[i], 60) = i;
		NEED(rte_ring_enqueue(there, sent[i]) == 0);
	}
	NEED(run(words) == 0);
	for (uint32_t i = 0; i < PACKETS; i++) {
		bool turned = strcmp(guest, "share") == 0;

		NEED(rte_ring_dequeue(turned ? back : there, (void **)&m) == 0);
		NEED(m == sent[i]);
		NEED(*rte_pktmbuf_mtod(m, uint32_t *) == (turned ? ~i : i));
		rte_pktmbuf_free(m);
	}
	unshare_objects();
}

/* Off by default; then there is no heap for a guest, either. */
static void
host_off(void)
{
	struct pvn_ivshmem_conf conf = {.size = KIT_SIZE};
	struct rte_ring *r = rte_ring_create("there", 8, SOCKET_ID_ANY, 0);
	char spec[64];
	const char *words[] = {"test_ivshmem_heap", "--guest", "none", spec, spec, NULL};

	NEED(pvn_ivshmem_create("heap", &conf) == 0);
	NEED(pvn_ivshmem_add_ring(r, "heap") == -ERANGE);
	snprintf(spec, sizeof(spec), "%s", kit_where("heap"));
	NEED(run(words) == 0);
	NEED(pvn_ivshmem_destroy("heap") == 0);
	rte_ring_free(r);
}

/* The heap cannot be shared; nothing stays of the attempt. */
static void
host_refused(int error, const char *why)
{
	struct pvn_ivshmem_conf conf = {.size = KIT_SIZE, .unsafe_whole_heap = true};

	NEED(pvn_ivshmem_create("heap", &conf) == -error);
	fprintf(stderr, "%s\n", pvn_ivshmem_why());
	NEED(strstr(pvn_ivshmem_why(), why) != NULL);
	conf.unsafe_whole_heap = false;
	NEED(pvn_ivshmem_create("heap", &conf) == 0);
	NEED(pvn_ivshmem_destroy("heap") == 0);
}

/* Its first 64 MiB can be shown, and what it has got since lies behind them. */
static void
host_grows(void)
{
	struct pvn_ivshmem_conf conf = {.size = KIT_SIZE, .unsafe_whole_heap = true};
	const struct rte_memzone *mz;

	NEED(pvn_ivshmem_create("heap", &conf) == 0);
	mz = rte_memzone_reserve("later", 72u << 20, SOCKET_ID_ANY, 0);
	NEED(mz != NULL);
	NEED(pvn_ivshmem_add_memzone(mz, "heap") == -ERANGE);
	NEED(strstr(pvn_ivshmem_why(), "first 67108864 bytes") != NULL);
	NEED(pvn_ivshmem_destroy("heap") == 0);
	rte_memzone_free(mz);
}

/* A region in huge pages: what it has is in them, and a guest maps them. */
static void
host_pages(void)
{
	struct pvn_ivshmem_conf conf = {.size = KIT_SIZE, .page_size = HUGE_PAGE};
	struct pvn_ivshmem_attached *a;
	struct pvn_ivshmem_info info;
	struct stat st;
	char spec[64];

	NEED(pvn_ivshmem_create("pages", &conf) == 0);
	NEED(pvn_ivshmem_info("pages", &info) == 0);
	NEED(info.base % HUGE_PAGE == 0);
	NEED(fstat(pvn_ivshmem_peer_fd(pvn_ivshmem_peer_of("pages")), &st) == 0);
	NEED((uint64_t)st.st_blksize == HUGE_PAGE && (uint64_t)st.st_size == KIT_SIZE);
	pool = kit_pool("packets", 1023, 0, "pages");
	NEED(pvn_ivshmem_add_mempool(pool, "pages") == 0);
	snprintf(spec, sizeof(spec), "%s", kit_where("pages"));
	NEED(pvn_ivshmem_attach(spec, 0, &a) == -EEXIST); /* ours, here */
	NEED(pvn_ivshmem_remove_mempool(pool, "pages") == 0);
	rte_mempool_free(pool);
	NEED(pvn_ivshmem_destroy("pages") == 0);
	conf.base = HOST_BASE_AT + IVSHMEM_PAGE;
	NEED(pvn_ivshmem_create("pages", &conf) == -EINVAL);
	NEED(strstr(pvn_ivshmem_why(), "multiple of 2097152") != NULL);
	/* More than can be had. */
	conf.base = 0;
	conf.size = UINT64_C(1) << 38;
	NEED(pvn_ivshmem_create("pages", &conf) == -ENOMEM);
	NEED(strstr(pvn_ivshmem_why(), "nr_hugepages") != NULL);
}

static int
be_host(int argc, char **argv)
{
	const char *name = argv[2];
	char prefix[32], *eal[24] = {argv[0],	       "--no-pci",	"--no-shconf",
				     "--no-telemetry", "--log-level=4", "--iova-mode=va",
				     "--lcores=0@0-1", "--file-prefix", prefix};
	int n = 9, first = strcmp(name, "refused") == 0 ? 5 : 3;

	for (int i = first; i < argc && n < 23; i++)
		eal[n++] = argv[i];
	snprintf(prefix, sizeof(prefix), "pvn-ivs-%d", (int)getpid());
	NEED(rte_eal_init(n, eal) >= 0);
	if (strcmp(name, "off") == 0)
		host_off();
	else if (strcmp(name, "refused") == 0)
		host_refused(atoi(argv[3]), argv[4]);
	else if (strcmp(name, "grows") == 0)
		host_grows();
	else if (strcmp(name, "pages") == 0)
		host_pages();
	else
		host_share(name);
	rte_eal_cleanup();
	return 0;
}

/* ---- cases ---- */

#define HOST(...)                                                                                  \
	assert_int_equal(                                                                          \
		run((const char *const[]){"test_ivshmem_heap", "--host", __VA_ARGS__, NULL}), 0)
#define NO_HUGE "--no-huge", "-m", "64"
#define HUGE "--in-memory", "--single-file-segments", "-m", "64"

static void
test_no_huge(void **state)
{
	(void)state;
	HOST("share", NO_HUGE, HOST_BASE);
}

static void
h45_heap_address_taken(void **state)
{
	(void)state;
	HOST("occupied", NO_HUGE, HOST_BASE);
}

static void
test_off_by_default(void **state)
{
	(void)state;
	HOST("off", NO_HUGE, HOST_BASE);
}

static void
test_options_that_do_not_fit(void **state)
{
	(void)state;
	HOST("refused", "22", "--base-virtaddr=0x300000000000", NO_HUGE);
	HOST("refused", "34", "power of two", "--no-huge", "-m", "96", HOST_BASE);
}

static void
test_huge(void **state)
{
	(void)state;
	HOST("share", HUGE, HOST_BASE);
}

static void
test_huge_options_that_do_not_fit(void **state)
{
	(void)state;
	HOST("refused", "22", "--base-virtaddr", HUGE);
	HOST("refused", "95", "--single-file-segments", "--in-memory", "-m", "64", HOST_BASE);
}

static void
test_huge_grows(void **state)
{
	(void)state;
	HOST("grows", HUGE, HOST_BASE);
}

static void
test_region_in_huge_pages(void **state)
{
	(void)state;
	HOST("pages", NO_HUGE);
}

/* By a server, whose memory goes to everybody by its descriptor. */
static void
test_server_with_huge_pages(void **state)
{
	struct pvn_ivshmem_server_cfg cfg = {
		.name = "pages", .size = 2 * HUGE_PAGE, .huge_page = HUGE_PAGE};
	struct pvn_ivshmem_server *s;
	struct pvn_ivshmem_peer *host, *guest;
	char *ours, *theirs;
	struct stat st;

	(void)state;
	assert_ok(pvn_ivshmem_server_new(&cfg, &s));
	assert_ok(pvn_ivshmem_peer_take(pvn_ivshmem_server_connect(s, true), &host));
	assert_ok(pvn_ivshmem_peer_take(pvn_ivshmem_server_connect(s, false), &guest));
	assert_int_equal(fstat(pvn_ivshmem_peer_fd(guest), &st), 0);
	assert_int_equal(st.st_blksize, HUGE_PAGE);
	assert_int_equal(ftruncate(pvn_ivshmem_peer_fd(guest), 0), -1); /* sealed */
	ours = pvn_ivshmem_peer_map(host, IVSHMEM_BASE_DEFAULT, true);
	theirs = pvn_ivshmem_peer_map(guest, 0, true);
	assert_non_null(ours);
	assert_non_null(theirs);
	strcpy(ours + HUGE_PAGE + 5, "shared");
	assert_string_equal(theirs + HUGE_PAGE + 5, "shared");
	pvn_ivshmem_peer_close(host);
	pvn_ivshmem_peer_close(guest);
	pvn_ivshmem_server_free(s);
}

/* ---- huge pages of this machine ---- */

#define OVERCOMMIT "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_overcommit_hugepages"
#define PAGES 128

static long
overcommit(long pages)
{
	long before = -1;
	FILE *f = fopen(OVERCOMMIT, "r+");

	if (f == NULL)
		return -1;
	if (fscanf(f, "%ld", &before) != 1)
		before = -1;
	rewind(f);
	fprintf(f, "%ld", pages);
	return fclose(f) == 0 ? before : -1;
}

/* They are taken when they are used, so nobody who reserves some is in the way. */
static int
with_huge_pages(int (*tests)(void))
{
	long before = overcommit(PAGES);
	int ret;

	if (before < 0) {
		printf("huge pages of 2 MiB cannot be had: %s: %s\n", OVERCOMMIT, strerror(errno));
		return 77;
	}
	ret = tests();
	overcommit(before);
	return ret;
}

static int
run_huge(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_huge_options_that_do_not_fit),
		cmocka_unit_test(test_huge_grows),
		cmocka_unit_test(test_region_in_huge_pages),
		cmocka_unit_test(test_server_with_huge_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

static int
run_plain(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_huge),
		cmocka_unit_test(h45_heap_address_taken),
		cmocka_unit_test(test_off_by_default),
		cmocka_unit_test(test_options_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "--host") == 0)
		return be_host(argc, argv);
	if (argc == 5 && strcmp(argv[1], "--guest") == 0)
		return be_guest(argv);
	return argc == 2 && strcmp(argv[1], "huge") == 0 ? with_huge_pages(run_huge) : run_plain();
}
