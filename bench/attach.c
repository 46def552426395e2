/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What it costs to attach a pool: the calls that a zero-copy front end and its back end make for
 * it.
 *
 *   attach share SPEC PEER BUFFERS     as the guest; says "shared PAGES CALLS MS REF,REF,...": the
 *                                      grants of the directory pages; ends when stdin does
 *   attach map SPEC PEER PAGES REFS    as the host; says "mapped CALLS MS" and "unmapped CALLS MS"
 *
 * A call is one ioctl and one mmap of Xen's drivers, or one request to `pvnctl local serve`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pvn_xen.h>
#include <xenvirt.h>

#define BUF_STRIDE 2240u /* as net_xenvirt has them */

static double
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static uint32_t
pages_of(uint64_t bytes)
{
	return (bytes + PVN_XEN_PAGE_SIZE - 1) / PVN_XEN_PAGE_SIZE;
}

static int
fail(const char *what)
{
	fprintf(stderr, "attach: %s: %s\n", what, pvn_xen_why());
	return 1;
}

static int
share(struct pvn_xen *x, uint16_t peer, uint32_t buffers)
{
	uint32_t pages = pages_of((uint64_t)buffers * BUF_STRIDE);
	uint32_t lists = pages_of((uint64_t)pages * sizeof(pvn_le32));
	uint32_t *refs = calloc(pages, sizeof(*refs)), *list_refs = calloc(lists, sizeof(*refs));
	double begin = now_ms();
	pvn_le32 *list;

	if (refs == NULL || list_refs == NULL)
		return 1;
	if (pvn_xen_share(x, peer, pages, true, refs) == NULL)
		return fail("share");
	list = pvn_xen_share(x, peer, lists, false, list_refs);
	if (list == NULL)
		return fail("share");
	for (uint32_t i = 0; i < pages; i++)
		list[i] = pvn_cpu_to_le32(refs[i]);
	printf("shared %u 2 %.3f ", pages, now_ms() - begin);
	for (uint32_t i = 0; i < lists; i++)
		printf("%s%u", i > 0 ? "," : "", list_refs[i]);
	puts("");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}

static int
map(struct pvn_xen *x, uint16_t peer, uint32_t pages, char *text)
{
	uint32_t lists = pages_of((uint64_t)pages * sizeof(pvn_le32));
	uint32_t *refs = calloc(pages, sizeof(*refs)), *list_refs = calloc(lists, sizeof(*refs));
	double begin;
	void *list, *pool;

	if (refs == NULL || list_refs == NULL)
		return 1;
	for (uint32_t i = 0; i < lists; i++)
		list_refs[i] = strtoul(strtok(i == 0 ? text : NULL, ","), NULL, 10);
	begin = now_ms();
	list = pvn_xen_map(x, peer, lists, false, list_refs);
	if (list == NULL)
		return fail("map");
	memcpy(refs, list, pages * sizeof(*refs));
	pvn_xen_unmap(x, list, lists);
	pool = pvn_xen_map(x, peer, pages, true, refs);
	if (pool == NULL)
		return fail("map");
	printf("mapped 3 %.3f\n", now_ms() - begin);
	begin = now_ms();
	pvn_xen_unmap(x, pool, pages);
	printf("unmapped 1 %.3f\n", now_ms() - begin);
	return 0;
}

int
main(int argc, char **argv)
{
	struct pvn_xen *x;
	int ret;

	if (argc < 5 || (strcmp(argv[1], "map") == 0) != (argc == 6)) {
		fprintf(stderr, "usage: attach share SPEC PEER BUFFERS | "
				"attach map SPEC PEER PAGES REFS\n");
		return 2;
	}
	if (pvn_xen_open(argv[2], &x) < 0)
		return fail(argv[2]);
	ret = argc == 6 ? map(x, atoi(argv[3]), atoi(argv[4]), argv[5])
			: share(x, atoi(argv[3]), atoi(argv[4]));
	pvn_xen_close(x);
	return ret;
}
