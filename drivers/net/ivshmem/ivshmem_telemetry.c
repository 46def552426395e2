/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Telemetry of the regions that net ports of this process are in, either end: /pvn/net_ivshmem/...
 * Counters of a port are ethdev's. It only shows.
 */
#include <rte_common.h>

#include <pvn_ivshmem_hub.h>
#include <telemetry.h>

static int
regions(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct rte_tel_data *specs = rte_tel_data_alloc();
	struct pvn_ivshmem_hub_info info;
	uint32_t start, i;
	char number[12];

	(void)cmd;
	if (specs == NULL || telemetry_start(params, &start) < 0) {
		rte_tel_data_free(specs);
		return -EINVAL;
	}
	rte_tel_data_start_dict(d);
	rte_tel_data_start_dict(specs);
	for (i = start; i - start < TELEMETRY_PARTS_PAGE && pvn_ivshmem_hub_info(i, &info); i++) {
		snprintf(number, sizeof(number), "%u", i);
		telemetry_text(specs, number, info.spec);
	}
	rte_tel_data_add_dict_container(d, "regions", specs, 0);
	if (pvn_ivshmem_hub_info(i, &info))
		rte_tel_data_add_dict_uint(d, "next", i);
	return 0;
}

static int
region(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct pvn_ivshmem_hub_info info;
	uint32_t number;

	(void)cmd;
	if (params == NULL || params[0] == '\0' || telemetry_start(params, &number) < 0)
		return -EINVAL;
	if (!pvn_ivshmem_hub_info(number, &info))
		return -ENOENT;
	rte_tel_data_start_dict(d);
	telemetry_text(d, "where", info.spec);
	rte_tel_data_add_dict_string(d, "role", info.is_host ? "host" : "guest");
	rte_tel_data_add_dict_int(d, "present", info.present);
	rte_tel_data_add_dict_int(d, "broken", info.broken);
	if (info.why[0] != '\0')
		telemetry_text(d, "why", info.why);
	rte_tel_data_add_dict_uint(d, "size", info.size);
	rte_tel_data_add_dict_uint(d, "generation", info.generation);
	rte_tel_data_add_dict_int(d, "guests", info.attachment != 0);
	rte_tel_data_add_dict_uint(d, "guest_attachment", info.attachment);
	rte_tel_data_add_dict_uint(d, "guest_number", info.guest);
	if (info.is_host)
		rte_tel_data_add_dict_uint(d, "ports", info.ports);
	rte_tel_data_add_dict_uint(d, "doorbell_vectors", info.vectors);
	rte_tel_data_add_dict_uint(d, "doorbells_rung", info.rung);
	return 0;
}

RTE_INIT(ivshmem_telemetry)
{
	rte_telemetry_register_cmd("/pvn/net_ivshmem/region", region,
				   "A region that net ports are in. Parameter: its number");
	rte_telemetry_register_cmd("/pvn/net_ivshmem/regions", regions,
				   "Regions of net ports by number. Parameter: where to start");
}
