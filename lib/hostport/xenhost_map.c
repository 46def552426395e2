/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The guest's answer: read strictly, checked against what we offered, then mapped. One map call for
 * each ring and each pool. [XEN 5]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pvn_xenhost.h"

/* Pages of all pools of one guest: 256 MiB. */
#define PAGES_MAX 65536u

/* A number of the guest's in min..max. */
static int
guest_number(struct pvn_xenhost *host, const char *node, uint64_t min, uint64_t max,
	     uint64_t *value)
{
	int ret = pvn_xenbus_read_number(pvn_xen_hub_xen(host->hub), PVN_XEN_NO_TXN, host->front,
					 node, 10, max, value);

	if (ret == 0 && *value >= min)
		return 0;
	return pvn_hostend_refuse(&host->end, -EPROTO, "%s: expected a number in %llu..%llu", node,
				  (unsigned long long)min, (unsigned long long)max);
}

static uint32_t
pages_of(uint64_t bytes)
{
	return (bytes + PVN_XEN_PAGE_SIZE - 1) / PVN_XEN_PAGE_SIZE;
}

static int
map_refs(struct pvn_xenhost *host, const char *node, const uint32_t *refs, uint32_t count,
	 bool writable, struct pvn_xenhost_pages *pages)
{
	pages->addr =
		pvn_xen_map(pvn_xen_hub_xen(host->hub), host->front_id, count, writable, refs);
	if (pages->addr == NULL)
		return pvn_hostend_refuse(&host->end, -errno, "%s: cannot map %u pages: %s", node,
					  count, pvn_xen_why());
	pages->count = count;
	return 0;
}

static void
unmap(struct pvn_xenhost *host, struct pvn_xenhost_pages *pages)
{
	if (pages->addr != NULL)
		pvn_xen_unmap(pvn_xen_hub_xen(host->hub), pages->addr, pages->count);
	*pages = (struct pvn_xenhost_pages){0};
}

/* Maps the pages whose grants a node lists. */
static int
map_listed(struct pvn_xenhost *host, const char *node, uint32_t count, bool writable,
	   struct pvn_xenhost_pages *pages)
{
	uint32_t refs[XENVIRT_DIRECTORY_REFS];

	if (count > RTE_DIM(refs) ||
	    pvn_xenbus_read_refs(pvn_xen_hub_xen(host->hub), PVN_XEN_NO_TXN, host->front, node,
				 refs, count) < 0)
		return pvn_hostend_refuse(&host->end, -EPROTO,
					  "%s: expected %u grants with commas between them", node,
					  count);
	return map_refs(host, node, refs, count, writable, pages);
}

/* ---- control page and event ---- */

static int
map_control(struct pvn_xenhost *host)
{
	struct pvn_xen *x = pvn_xen_hub_xen(host->hub);
	uint64_t port, ref;
	uint8_t *page;

	if (guest_number(host, "event-channel", 0, UINT32_MAX, &port) < 0 ||
	    guest_number(host, "control-ref", 0, UINT32_MAX, &ref) < 0)
		return -EPROTO;
	host->event = pvn_xen_event_bind(x, host->front_id, port);
	if (host->event < 0)
		return pvn_hostend_refuse(&host->end, host->event,
					  "event-channel: cannot bind port %u: %s", (uint32_t)port,
					  pvn_xen_why());
	page = pvn_xen_map_notify(x, host->front_id, ref, XENVIRT_CONTROL_BACK_ALIVE, host->event);
	if (page == NULL)
		return pvn_hostend_refuse(&host->end, -errno,
					  "control-ref: cannot map grant %u: %s", (uint32_t)ref,
					  pvn_xen_why());
	host->control = (struct pvn_xenhost_pages){.addr = page, .count = 1};
	host->client.port = host->event;
	page[XENVIRT_CONTROL_BACK_ALIVE] = 1;
	return 0;
}

/* ---- rings ---- */

static int
map_ring(struct pvn_xenhost *host, uint32_t i, const char *direction, uint32_t *size,
	 struct pvn_xenhost_pages *pages)
{
	char node[40];
	uint64_t value;
	int ret;

	snprintf(node, sizeof(node), "queue-%u/%s-ring-size", i, direction);
	ret = guest_number(host, node, VRING_SIZE_MIN, XENVIRT_RING_SIZE_MAX, &value);
	if (ret < 0)
		return ret;
	if (!pvn_vring_size_ok(value))
		return pvn_hostend_refuse(&host->end, -EPROTO, "%s: %u is no power of two", node,
					  (uint32_t)value);
	*size = value;
	snprintf(node, sizeof(node), "queue-%u/%s-ring-ref", i, direction);
	return map_listed(host, node, pages_of(VRING_BYTES(value)), true, pages);
}

static int
map_rings(struct pvn_xenhost *host)
{
	int ret = 0;

	for (uint32_t i = 0; i < host->end.queues && ret == 0; i++) {
		ret = map_ring(host, i, "rx", &host->end.rx_sizes[i], &host->rx_rings[i]);
		if (ret == 0)
			ret = map_ring(host, i, "tx", &host->end.tx_sizes[i], &host->tx_rings[i]);
	}
	return ret;
}

/* ---- pools ---- */

static int
compare_refs(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* A page listed twice would let one buffer change another, and use up the count of its grant. */
static bool
distinct(const uint32_t *refs, uint32_t count)
{
	uint32_t *sorted = malloc(count * sizeof(*refs));
	bool ok = sorted != NULL;

	if (!ok)
		return false;
	memcpy(sorted, refs, count * sizeof(*refs));
	qsort(sorted, count, sizeof(*refs), compare_refs);
	for (uint32_t i = 1; i < count && ok; i++)
		ok = sorted[i] != sorted[i - 1];
	free(sorted);
	return ok;
}

/* Copies the grants out of the directory, once, and lets go of it. */
static int
read_directory(struct pvn_xenhost *host, const char *node, uint32_t count, uint32_t *refs)
{
	struct pvn_xenhost_pages directory = {0};
	const pvn_le32 *entries;
	int ret = map_listed(host, node, pages_of((uint64_t)count * sizeof(*entries)), false,
			     &directory);

	if (ret < 0)
		return ret;
	entries = directory.addr;
	for (uint32_t i = 0; i < count; i++)
		refs[i] = pvn_le32_to_cpu(PVN_LOAD_ONCE(entries[i]));
	unmap(host, &directory);
	if (!distinct(refs, count))
		return pvn_hostend_refuse(&host->end, -EPROTO, "%s: a grant is listed twice", node);
	return 0;
}

static int
map_pool_pages(struct pvn_xenhost *host, const char *node, uint32_t k, uint32_t count,
	       bool writable)
{
	uint32_t *refs = malloc(count * sizeof(*refs));
	int ret;

	if (refs == NULL)
		return pvn_hostend_refuse(&host->end, -ENOMEM, "no memory for %u grants", count);
	ret = read_directory(host, node, count, refs);
	if (ret == 0)
		ret = map_refs(host, node, refs, count, writable, &host->pool_pages[k]);
	free(refs);
	return ret;
}

static int
map_pool(struct pvn_xenhost *host, uint32_t k)
{
	char node[40], access[8];
	uint64_t count;
	bool writable;
	int ret;

	snprintf(node, sizeof(node), "pool-%u/pages", k);
	ret = guest_number(host, node, 1, PAGES_MAX - host->page_count, &count);
	if (ret < 0)
		return ret;
	snprintf(node, sizeof(node), "pool-%u/access", k);
	ret = pvn_xenbus_read(pvn_xen_hub_xen(host->hub), PVN_XEN_NO_TXN, host->front, node, access,
			      sizeof(access));
	writable = ret > 0 && strcmp(access, "write") == 0;
	if (ret < 0 || (!writable && strcmp(access, "read") != 0))
		return pvn_hostend_refuse(&host->end, -EPROTO, "%s: expected read or write", node);
	snprintf(node, sizeof(node), "pool-%u/directory-ref", k);
	ret = map_pool_pages(host, node, k, count, writable);
	if (ret < 0)
		return ret;
	host->page_count += count;
	host->end.pools[k] = (struct pvn_vring_pool){
		.base = host->pool_pages[k].addr,
		.size = count * PVN_XEN_PAGE_SIZE,
		.writable = writable,
	};
	return 0;
}

static int
map_pools(struct pvn_xenhost *host)
{
	uint64_t count;
	int ret = guest_number(host, "pools", 1, XENVIRT_POOLS_MAX, &count);

	for (uint32_t k = 0; ret == 0 && k < count; k++) {
		ret = map_pool(host, k);
		if (ret == 0)
			host->end.pool_count++;
	}
	return ret;
}

/* ---- all of it ---- */

static int
read_agreement(struct pvn_xenhost *host)
{
	uint64_t value;
	int ret = guest_number(host, "version", XENVIRT_VERSION, XENVIRT_VERSION, &value);

	if (ret == 0)
		ret = guest_number(host, "queues", 1, host->end.rx_queues, &value);
	if (ret < 0)
		return ret;
	host->end.queues = value;
	ret = pvn_xenbus_read_number(pvn_xen_hub_xen(host->hub), PVN_XEN_NO_TXN, host->front,
				     "features", 16, UINT64_MAX, &host->end.agreed);
	if (ret < 0 || (host->end.agreed & ~host->end.features) != 0)
		return pvn_hostend_refuse(&host->end, -EPROTO,
					  "features: expected a subset of %llx",
					  (unsigned long long)host->end.features);
	return 0;
}

int
xenhost_map(struct pvn_xenhost *host)
{
	int ret = read_agreement(host);

	if (ret == 0)
		ret = map_control(host);
	if (ret == 0)
		ret = map_rings(host);
	if (ret == 0)
		ret = map_pools(host);
	return ret;
}

/* The control page goes last but for its event: the guest then knows that everything is unmapped.
 */
void
xenhost_unmap(struct pvn_xenhost *host)
{
	for (uint32_t i = 0; i < XENVIRT_QUEUES_MAX; i++) {
		unmap(host, &host->rx_rings[i]);
		unmap(host, &host->tx_rings[i]);
	}
	for (uint32_t k = 0; k < XENVIRT_POOLS_MAX; k++) {
		unmap(host, &host->pool_pages[k]);
		host->end.pools[k] = (struct pvn_vring_pool){0};
	}
	unmap(host, &host->control);
	if (host->event >= 0)
		pvn_xen_event_close(pvn_xen_hub_xen(host->hub), host->event);
	host->event = -1;
	host->client.port = -1;
	host->end.pool_count = 0;
	host->page_count = 0;
	host->end.queues = 0;
}
