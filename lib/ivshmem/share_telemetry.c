/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Telemetry of the regions that this process is the host of: /pvn/ivshmem/... It only shows.
 * Callbacks run in a thread of EAL's, and take the lock as every call does.
 */
#include "share.h"
#include "telemetry.h"

#include <pvn_clock.h>

static int
regions_page(uint32_t i, struct rte_tel_data *d)
{
	struct rte_tel_data *names = rte_tel_data_alloc();
	uint32_t n = 0;
	char number[12];

	if (names == NULL)
		return -ENOMEM;
	rte_tel_data_start_dict(d);
	rte_tel_data_start_dict(names);
	for (; i < PVN_IVSHMEM_REGIONS_MAX && n < TELEMETRY_REGIONS_PAGE; i++) {
		const struct share *s = share_at(i);

		if (s == NULL)
			continue;
		snprintf(number, sizeof(number), "%u", i);
		telemetry_text(names, number, s->name);
		n++;
	}
	rte_tel_data_add_dict_container(d, "regions", names, 0);
	if (i < PVN_IVSHMEM_REGIONS_MAX)
		rte_tel_data_add_dict_uint(d, "next", i);
	return 0;
}

static int
regions(const char *cmd, const char *params, struct rte_tel_data *d)
{
	uint32_t start;
	int ret = telemetry_start(params, &start);

	(void)cmd;
	if (ret < 0)
		return ret;
	pthread_mutex_lock(&share_lock);
	ret = regions_page(start, d);
	pthread_mutex_unlock(&share_lock);
	return ret;
}

/* ---- one of them ---- */

static void
add_link(struct rte_tel_data *d, const struct share_link_view *v)
{
	telemetry_text(d, "name", v->name);
	rte_tel_data_add_dict_uint(d, "entries", v->entries);
	rte_tel_data_add_dict_uint(d, "lent_now", v->out);
	rte_tel_data_add_dict_int(d, "broken", v->broken);
	rte_tel_data_add_dict_uint(d, "lent", v->stats.lent);
	rte_tel_data_add_dict_uint(d, "taken", v->stats.taken);
	rte_tel_data_add_dict_uint(d, "reclaimed", v->stats.reclaimed);
	rte_tel_data_add_dict_uint(d, "turns", v->stats.turns);
	rte_tel_data_add_dict_uint(d, "refused", v->stats.refused);
	rte_tel_data_add_dict_uint(d, "foreign", v->stats.foreign);
	rte_tel_data_add_dict_uint(d, "bad_index", v->stats.bad_index);
}

static int
add_links(struct rte_tel_data *d, const struct share *s, uint32_t start)
{
	struct rte_tel_data *links = rte_tel_data_alloc(), *one;
	struct share_link_view v;
	uint32_t i = start;

	if (links == NULL)
		return -ENOMEM;
	rte_tel_data_start_dict(links);
	for (; i - start < TELEMETRY_PARTS_PAGE && share_link(s, i, &v); i++) {
		one = telemetry_numbered(links, i);
		if (one != NULL)
			add_link(one, &v);
	}
	rte_tel_data_add_dict_container(d, "links", links, 0);
	if (share_link(s, i, &v))
		rte_tel_data_add_dict_uint(d, "next", i);
	return 0;
}

static int
add_region(struct rte_tel_data *d, const struct share *s, uint32_t start)
{
	rte_tel_data_start_dict(d);
	telemetry_text(d, "name", s->name);
	telemetry_text(d, "where", s->where);
	rte_tel_data_add_dict_uint(d, "size", s->size);
	rte_tel_data_add_dict_uint(d, "base", s->base);
	rte_tel_data_add_dict_uint(d, "generation", s->host.generation);
	rte_tel_data_add_dict_int(d, "read_only", s->read_only);
	rte_tel_data_add_dict_int(d, "guests", s->attachment != 0);
	rte_tel_data_add_dict_uint(d, "guest_attachment", s->attachment);
	rte_tel_data_add_dict_uint(d, "guest_number", s->guest_peer);
	rte_tel_data_add_dict_uint(d, "guest_silent_ms",
				   s->attachment != 0 ? pvn_now_ms() - s->beat_ms : 0);
	rte_tel_data_add_dict_uint(d, "objects", s->object_count);
	rte_tel_data_add_dict_uint(d, "objects_max", s->host.objects_max);
	rte_tel_data_add_dict_uint(d, "lent_now", share_links_lent(s));
	rte_tel_data_add_dict_uint(d, "doorbell_vectors", pvn_ivshmem_peer_vectors(s->peer));
	rte_tel_data_add_dict_uint(d, "doorbells_rung", pvn_ivshmem_peer_rung(s->peer));
	return add_links(d, s, start);
}

static int
region(const char *cmd, const char *params, struct rte_tel_data *d)
{
	char name[IVSHMEM_NAME_MAX];
	const struct share *s;
	uint32_t start;
	int ret = telemetry_name(params, name, sizeof(name), &start);

	(void)cmd;
	if (ret < 0)
		return ret;
	pthread_mutex_lock(&share_lock);
	s = share_find(name);
	ret = s != NULL ? add_region(d, s, start) : -ENOENT;
	pthread_mutex_unlock(&share_lock);
	return ret;
}

/* Once; that it fails, for a program without telemetry, hurts nobody. */
void
share_telemetry_open(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	rte_telemetry_register_cmd("/pvn/ivshmem/region", region,
				   "A region and its links. Parameters: name, where to start");
	rte_telemetry_register_cmd("/pvn/ivshmem/regions", regions,
				   "Regions by number. Parameter: where to start");
}
